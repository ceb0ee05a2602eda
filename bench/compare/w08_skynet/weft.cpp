// W8 skynet, weft: a 10-ary tree of fibers; the leaves' numbers are summed up over unbuffered
// channels.

#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

void skynet(const weft::chan<std::int64_t>& result, std::int64_t first, std::int64_t leaves) {
  if (leaves == 1) {
    result.send(first);
    return;
  }
  const weft::chan<std::int64_t> results;
  const std::int64_t share = leaves / bench::w08::branches;
  for (std::int64_t i = 0; i < bench::w08::branches; ++i) {
    weft::go([results, from = first + i * share, share] { skynet(results, from, share); });
  }
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < bench::w08::branches; ++i) sum += *results.recv();
  result.send(sum);
}

std::int64_t run(std::int64_t leaves) {
  const weft::chan<std::int64_t> result;
  weft::go([result, leaves] { skynet(result, 0, leaves); });
  return *result.recv();
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t leaves = bench::scaled_leaves(bench);
  weft::run(
      [&] {
        run(bench::w08::branches * bench::w08::branches);
        std::int64_t sum = 0;
        bench.measure([&] { sum = run(leaves); });
        bench.expect("the sum", sum, bench::sum_to(leaves - 1));
      },
      {.procs = bench.workers()});
  bench.value("ms", bench.wall_s() * 1000);
  return bench.report();
}
