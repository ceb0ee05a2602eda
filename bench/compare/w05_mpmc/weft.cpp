// W5 mpmc, weft: eight producers, eight consumers, one channel of 128.

#include <array>
#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

std::int64_t transfer(std::int64_t items) {
  const weft::chan<std::int64_t> channel(bench::w05::capacity);
  std::array<std::int64_t, bench::w05::consumers> sums{};
  const std::int64_t share = items / bench::w05::producers;
  weft::wait_group producers, consumers;
  for (std::int64_t p = 0; p < bench::w05::producers; ++p) {
    producers.go([channel, share, first = p * share + 1] {
      for (std::int64_t i = first; i < first + share; ++i) channel.send(i);
    });
  }
  for (std::int64_t& total : sums) {
    consumers.go([channel, &total] {
      std::int64_t sum = 0;
      for (const std::int64_t v : channel) sum += v;
      total = sum;
    });
  }
  producers.wait();
  channel.close();
  consumers.wait();
  std::int64_t total = 0;
  for (const std::int64_t sum : sums) total += sum;
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t n = bench.count(bench::w05::items, bench::w05::producers);
  weft::run(
      [&] {
        transfer(bench::program::warm_up(n, bench::w05::producers));
        std::int64_t sum = 0;
        bench.measure([&] { sum = transfer(n); });
        bench.expect("the sum", sum, bench::sum_to(n));
      },
      {.procs = bench.workers()});
  return bench.report_ns_per_op(n);
}
