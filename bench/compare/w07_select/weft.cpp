// W7 select, weft: four senders on unbuffered channels of their own, one receiver that selects.

#include <array>
#include <optional>
#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

std::int64_t receive(std::int64_t items) {
  const std::array<weft::chan<std::int64_t>, bench::w07::senders> c;
  const std::int64_t share = items / bench::w07::senders;
  std::int64_t first = 1;
  for (const auto& channel : c) {
    weft::go([channel, first, share] {
      for (std::int64_t i = first; i < first + share; ++i) channel.send(i);
    });
    first += share;
  }
  std::int64_t sum = 0;
  const auto add = [&sum](std::optional<std::int64_t> v) { sum += *v; };
  for (std::int64_t i = 0; i < items; ++i) {
    weft::select(weft::recv(c[0], add), weft::recv(c[1], add), weft::recv(c[2], add),
                 weft::recv(c[3], add));
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t n = bench.count(bench::w07::receives, bench::w07::senders);
  weft::run(
      [&] {
        receive(bench::program::warm_up(n, bench::w07::senders));
        std::int64_t sum = 0;
        bench.measure([&] { sum = receive(n); });
        bench.expect("the sum", sum, bench::sum_to(n));
      },
      {.procs = bench.workers()});
  return bench.report_ns_per_op(n);
}
