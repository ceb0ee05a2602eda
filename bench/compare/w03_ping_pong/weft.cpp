// W3 ping-pong, weft: two fibers, two unbuffered channels, each round adds one to the value.

#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

std::int64_t ping_pong(std::int64_t rounds) {
  const weft::chan<std::int64_t> ping, pong;
  weft::go([ping, pong] {
    for (const std::int64_t v : ping) pong.send(v + 1);
  });
  std::int64_t value = 0;
  for (std::int64_t i = 0; i < rounds; ++i) {
    ping.send(value);
    value = *pong.recv();
  }
  ping.close();
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t n = bench.count(bench::w03::round_trips);
  weft::run(
      [&] {
        ping_pong(bench::program::warm_up(n));
        std::int64_t value = 0;
        bench.measure([&] { value = ping_pong(n); });
        bench.expect("the last value", value, n);
      },
      {.procs = bench.workers()});
  return bench.report_ns_per_op(n);
}
