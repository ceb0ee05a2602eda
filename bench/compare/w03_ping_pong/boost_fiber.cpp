// W3 ping-pong, Boost.Fiber: two fibers, two unbuffered_channels, each round adds one.

#include "../boost_runtime.hpp"

namespace {

using channel = boost::fibers::unbuffered_channel<std::int64_t>;

std::int64_t ping_pong(std::int64_t rounds) {
  channel ping, pong;
  boost::fibers::fiber partner([&] {
    for (std::int64_t v; ping.pop(v) == boost::fibers::channel_op_status::success;) {
      pong.push(v + 1);
    }
  });
  std::int64_t value = 0;
  for (std::int64_t i = 0; i < rounds; ++i) {
    ping.push(value);
    value = pong.value_pop();
  }
  ping.close();
  partner.join();
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t n = bench.count(bench::w03::round_trips);
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    ping_pong(bench::program::warm_up(n));
    std::int64_t value = 0;
    bench.measure([&] { value = ping_pong(n); });
    bench.expect("the last value", value, n);
  });
  return bench.report_ns_per_op(n);
}
