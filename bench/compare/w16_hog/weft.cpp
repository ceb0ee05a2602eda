// W16 hog, weft: a fiber that sleeps for 1 ms beside fibers that never call the runtime.

#include <weft/weft.hpp>

#include "../hogs.hpp"

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  bench::hogs hogs(bench);
  weft::run(
      [&] {
        for (std::int64_t i = 0; i < hogs.count(); ++i) {
          weft::go([&hogs, i] { bench::run_hog(hogs, i, [](auto&& call) { call(); }); });
        }
        hogs.sleeper([] { weft::this_fiber::sleep_for(std::chrono::milliseconds(1)); });
      },
      {.procs = bench.workers()});
}
