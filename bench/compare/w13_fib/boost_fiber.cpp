// W13 fib, Boost.Fiber: fork-join without cutoff. With one thread launch::dispatch (the child runs
// at once) is the faster by 1.6, with two launch::post (the child can be stolen) by 2; each gets
// the better one.

#include "../boost_runtime.hpp"

namespace {

struct forks {
  bench::boost_stack_pool pool;
  boost::fibers::launch launch;
};

std::int64_t fib(forks& f, int n) {
  if (n < 2) return n;
  std::int64_t a = 0;
  auto child = bench::boost_spawn(f.pool, f.launch, [&f, &a, n] { a = fib(f, n - 1); });
  const std::int64_t b = fib(f, n - 2);
  child.join();
  return a + b;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const int n = bench::scaled_fib_n(bench);
  forks f{bench::boost_stack_pool(bench),
          bench.workers() == 1 ? boost::fibers::launch::dispatch : boost::fibers::launch::post};
  bench::boost_run(bench, bench::boost_policy::stealing, [&] {
    fib(f, 10);
    std::int64_t result = 0;
    bench.measure([&] { result = fib(f, n); });
    bench.expect("fib", result, bench::w13::fib(n));
  });
  return bench.report_ns_per_op(bench::w13::spawns(n));
}
