// W17 block, weft: a fiber that sleeps for 1 ms beside fibers that block their threads; in the case
// `blocking` they say so.

#include <weft/weft.hpp>

#include "../hogs.hpp"

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  bench::hogs hogs(bench);
  const bool declared = bench.chosen_case() == "blocking";
  weft::run(
      [&] {
        for (std::int64_t i = 0; i < hogs.count(); ++i) {
          weft::go([&hogs, declared, i] {
            bench::run_hog(hogs, i,
                           [declared](auto&& call) { declared ? weft::blocking(call) : call(); });
          });
        }
        hogs.sleeper([] { weft::this_fiber::sleep_for(std::chrono::milliseconds(1)); });
      },
      {.procs = bench.workers()});
}
