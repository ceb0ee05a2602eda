// W2 spawn, oneTBB: waves of 1000 empty tasks in a task_group, each wave waited for. A task cannot
// block as a fiber can; it is here as what a stackless scheduler makes of the same work.

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include "../common.hpp"

int main(int argc, char** argv) {
  bench::program bench(argc, argv, TBB_runtime_version());
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(bench.workers()));
  const std::int64_t n = bench.count(bench::w02::fibers, bench::w02::wave);
  tbb::task_group group;

  const auto waves = [&](std::int64_t tasks) {
    for (; tasks > 0; tasks -= bench::w02::wave) {
      for (std::int64_t i = 0; i < bench::w02::wave; ++i) group.run([] {});
      group.wait();
    }
  };
  // One wave in which each task marks its place: wait() must mean that all of them ran.
  const auto check_marks = [&] {
    std::vector<std::int64_t> marks(bench::w02::wave);
    for (std::int64_t& mark : marks) group.run([&mark] { ++mark; });
    group.wait();
    std::int64_t sum = 0;
    for (const std::int64_t mark : marks) sum += mark;
    bench.expect("the number of tasks that ran", sum, bench::w02::wave);
  };

  waves(bench::program::warm_up(n, bench::w02::wave));
  check_marks();
  bench.measure([&] { waves(n); });
  check_marks();
  return bench.report_ns_per_op(n);
}
