// W1 yield, weft: two fibers hand the only P to each other with this_fiber::yield.

#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

std::int64_t yields(std::int64_t per_fiber) {
  std::int64_t switches = 0;
  int last = -1;
  const auto body = [&](int id) {
    for (std::int64_t i = 0; i < per_fiber; ++i) {
      if (last != id) {
        last = id;
        ++switches;
      }
      weft::this_fiber::yield();
    }
  };
  weft::wait_group group;
  group.go([&] { body(0); });
  group.go([&] { body(1); });
  group.wait();
  return switches;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION, bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w01::yields_per_fiber);
  weft::run(
      [&] {
        yields(bench::program::warm_up(n));
        std::int64_t switches = 0;
        bench.measure([&] { switches = yields(n); });
        // A time slice that ends in a yield may let the same fiber run twice.
        if (switches < n * 2 * 9 / 10) bench.expect("the number of switches", switches, 2 * n);
      },
      {.procs = bench.workers()});
  return bench.report_ns_per_op(2 * n);
}
