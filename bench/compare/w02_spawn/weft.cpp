// W2 spawn, weft: waves of 1000 empty fibers, each wave waited for with a wait_group.

#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

void waves(std::int64_t fibers) {
  weft::wait_group group;
  for (; fibers > 0; fibers -= bench::w02::wave) {
    group.add(bench::w02::wave);
    for (std::int64_t i = 0; i < bench::w02::wave; ++i) {
      weft::go([&group] { group.done(); });
    }
    group.wait();
  }
}

// One wave in which each fiber marks its place: wait() must mean that all of them ran.
std::int64_t marked_wave() {
  std::vector<std::int64_t> marks(bench::w02::wave);
  weft::wait_group group;
  group.add(bench::w02::wave);
  for (std::int64_t& mark : marks) {
    weft::go([&group, &mark] {
      ++mark;
      group.done();
    });
  }
  group.wait();
  std::int64_t sum = 0;
  for (const std::int64_t mark : marks) sum += mark;
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t n = bench.count(bench::w02::fibers, bench::w02::wave);
  weft::run(
      [&] {
        waves(bench::program::warm_up(n, bench::w02::wave));
        bench.expect("the number of fibers that ran", marked_wave(), bench::w02::wave);
        bench.measure([&] { waves(n); });
        bench.expect("the number of fibers that ran", marked_wave(), bench::w02::wave);
      },
      {.procs = bench.workers()});
  return bench.report_ns_per_op(n);
}
