// W8 skynet, floor: the same tree as plain recursive calls.

#include "../common.hpp"

namespace {

[[gnu::noinline]] std::int64_t skynet(std::int64_t first, std::int64_t leaves) {
  bench::keep(first);
  if (leaves == 1) return first;
  const std::int64_t share = leaves / bench::w08::branches;
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < bench::w08::branches; ++i) sum += skynet(first + i * share, share);
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, "1", bench::program::workers_allowed::one);
  const std::int64_t leaves = bench::scaled_leaves(bench);
  skynet(0, bench::w08::branches * bench::w08::branches);
  std::int64_t sum = 0;
  bench.measure([&] { sum = skynet(0, leaves); });
  bench.expect("the sum", sum, bench::sum_to(leaves - 1));
  bench.value("ms", bench.wall_s() * 1000);
  return bench.report();
}
