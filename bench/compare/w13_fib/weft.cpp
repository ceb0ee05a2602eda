// W13 fib, weft: fork-join without cutoff; a spawned fiber computes one half, the parent the other.

#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

std::int64_t fib(int n) {
  if (n < 2) return n;
  auto child = weft::spawn([n] { return fib(n - 1); });
  const std::int64_t b = fib(n - 2);
  return child.join() + b;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const int n = bench::scaled_fib_n(bench);
  weft::run(
      [&] {
        fib(10);
        std::int64_t result = 0;
        bench.measure([&] { result = fib(n); });
        bench.expect("fib", result, bench::w13::fib(n));
      },
      {.procs = bench.workers()});
  return bench.report_ns_per_op(bench::w13::spawns(n));
}
