// W8 skynet, Boost.Fiber: as the library's own skynet example, with buffered channels of 16 and
// launch::dispatch, which keep the tree from being wide all at once.

#include "../boost_runtime.hpp"

namespace {

using channel = boost::fibers::buffered_channel<std::int64_t>;

void skynet(bench::boost_stack_pool& pool, channel& result, std::int64_t first,
            std::int64_t leaves) {
  if (leaves == 1) {
    result.push(first);
    return;
  }
  channel results(16);
  const std::int64_t share = leaves / bench::w08::branches;
  for (std::int64_t i = 0; i < bench::w08::branches; ++i) {
    bench::boost_spawn(
        pool, boost::fibers::launch::dispatch,
        [&pool, &results, from = first + i * share, share] { skynet(pool, results, from, share); })
        .detach();
  }
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < bench::w08::branches; ++i) sum += results.value_pop();
  result.push(sum);
}

std::int64_t run(bench::boost_stack_pool& pool, std::int64_t leaves) {
  channel result(2);
  skynet(pool, result, 0, leaves);
  return result.value_pop();
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t leaves = bench::scaled_leaves(bench);
  bench::boost_stack_pool pool(bench);
  bench::boost_run(bench, bench::boost_policy::stealing, [&] {
    run(pool, bench::w08::branches * bench::w08::branches);
    std::int64_t sum = 0;
    bench.measure([&] { sum = run(pool, leaves); });
    bench.expect("the sum", sum, bench::sum_to(leaves - 1));
  });
  bench.value("ms", bench.wall_s() * 1000);
  return bench.report();
}
