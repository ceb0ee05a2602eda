// W4 prod-cons, weft: one producer, one consumer, a channel of 128.

#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

std::int64_t transfer(std::int64_t items) {
  const weft::chan<std::int64_t> channel(bench::w04::capacity);
  weft::go([channel, items] {
    for (std::int64_t i = 1; i <= items; ++i) channel.send(i);
    channel.close();
  });
  std::int64_t sum = 0;
  for (const std::int64_t v : channel) sum += v;
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t n = bench.count(bench::w04::items);
  weft::run(
      [&] {
        transfer(bench::program::warm_up(n));
        std::int64_t sum = 0;
        bench.measure([&] { sum = transfer(n); });
        bench.expect("the sum", sum, bench::sum_to(n));
      },
      {.procs = bench.workers()});
  return bench.report_ns_per_op(n);
}
