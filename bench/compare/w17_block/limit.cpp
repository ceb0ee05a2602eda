// W17 block, floor: a thread that sleeps for 1 ms beside threads that do what the hogs do.

#include "../hogs.hpp"

int main(int argc, char** argv) {
  bench::program bench(argc, argv, "1", bench::program::workers_allowed::one);
  bench::hogs hogs(bench);
  for (std::int64_t i = 0; i < hogs.count(); ++i) {
    std::thread([&hogs, i] { bench::run_hog(hogs, i, [](auto&& call) { call(); }); }).detach();
  }
  hogs.sleeper([] { bench::nap(bench::w16::sleep_ns); });
}
