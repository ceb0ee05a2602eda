// W10 sleep, weft: 100,000 fibers, each sleeps ten pseudo-random times; the cost is CPU time.

#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

void sleepers(std::vector<std::int64_t>& late) {
  weft::wait_group group;
  for (std::size_t f = 0; f < late.size(); ++f) {
    group.go([&late, f] {
      const std::int64_t start = bench::now_ns();
      std::int64_t asked = 0;
      for (std::int64_t round = 0; round < bench::w10::sleeps_per_fiber; ++round) {
        const std::int64_t ns = bench::w10::sleep_ns(static_cast<std::int64_t>(f), round);
        asked += ns;
        weft::this_fiber::sleep_for(std::chrono::nanoseconds(ns));
      }
      late[f] = bench::now_ns() - start - asked;
    });
  }
  group.wait();
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t n = bench.count(bench::w10::fibers);
  std::vector<std::int64_t> warm(static_cast<std::size_t>(bench::program::warm_up(n)));
  std::vector<std::int64_t> late(static_cast<std::size_t>(n), -1);
  weft::run(
      [&] {
        sleepers(warm);
        bench.measure([&] { sleepers(late); });
      },
      {.procs = bench.workers()});
  bench::report_lateness(bench, late);
  return bench.report();
}
