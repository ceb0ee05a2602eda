// W13 fib, floor: the same recursion as plain calls.

#include "../common.hpp"

namespace {

[[gnu::noinline]] std::int64_t fib(int n) {
  bench::keep(n);
  if (n < 2) return n;
  const std::int64_t a = fib(n - 1);
  return a + fib(n - 2);
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, "1", bench::program::workers_allowed::one);
  const int n = bench::scaled_fib_n(bench);
  fib(10);
  std::int64_t result = 0;
  bench.measure([&] { result = fib(n); });
  bench.expect("fib", result, bench::w13::fib(n));
  return bench.report_ns_per_op(bench::w13::spawns(n));
}
