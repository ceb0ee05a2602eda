// W13 fib, oneTBB: fork-join without cutoff through task_group. A waiting parent runs other tasks
// on its own stack: the tasks never block, which is what makes this cheap.

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include "../common.hpp"

namespace {

std::int64_t fib(int n) {
  if (n < 2) return n;
  std::int64_t a = 0;
  tbb::task_group group;
  group.run([&a, n] { a = fib(n - 1); });
  const std::int64_t b = fib(n - 2);
  group.wait();
  return a + b;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, TBB_runtime_version());
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(bench.workers()));
  const int n = bench::scaled_fib_n(bench);
  fib(10);
  std::int64_t result = 0;
  bench.measure([&] { result = fib(n); });
  bench.expect("fib", result, bench::w13::fib(n));
  return bench.report_ns_per_op(bench::w13::spawns(n));
}
