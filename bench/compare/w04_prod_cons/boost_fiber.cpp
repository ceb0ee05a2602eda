// W4 prod-cons, Boost.Fiber: one producer, one consumer, a buffered_channel of 128.

#include "../boost_runtime.hpp"

namespace {

std::int64_t transfer(std::int64_t items) {
  boost::fibers::buffered_channel<std::int64_t> channel(bench::w04::capacity);
  boost::fibers::fiber producer([&] {
    for (std::int64_t i = 1; i <= items; ++i) channel.push(i);
    channel.close();
  });
  std::int64_t sum = 0;
  for (std::int64_t v; channel.pop(v) == boost::fibers::channel_op_status::success;) sum += v;
  producer.join();
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t n = bench.count(bench::w04::items);
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    transfer(bench::program::warm_up(n));
    std::int64_t sum = 0;
    bench.measure([&] { sum = transfer(n); });
    bench.expect("the sum", sum, bench::sum_to(n));
  });
  return bench.report_ns_per_op(n);
}
