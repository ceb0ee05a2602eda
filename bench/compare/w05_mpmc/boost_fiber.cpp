// W5 mpmc, Boost.Fiber: eight producers, eight consumers, one buffered_channel of 128.

#include <array>

#include "../boost_runtime.hpp"

namespace {

std::int64_t transfer(std::int64_t items) {
  boost::fibers::buffered_channel<std::int64_t> channel(bench::w05::capacity);
  std::array<boost::fibers::fiber, bench::w05::producers> producers;
  std::array<boost::fibers::fiber, bench::w05::consumers> consumers;
  std::array<std::int64_t, bench::w05::consumers> sums{};
  const std::int64_t share = items / bench::w05::producers;
  std::int64_t first = 1;
  for (auto& producer : producers) {
    producer = boost::fibers::fiber([&channel, first, share] {
      for (std::int64_t i = first; i < first + share; ++i) channel.push(i);
    });
    first += share;
  }
  for (std::size_t k = 0; k < consumers.size(); ++k) {
    consumers[k] = boost::fibers::fiber([&channel, &total = sums[k]] {
      std::int64_t sum = 0;
      for (std::int64_t v; channel.pop(v) == boost::fibers::channel_op_status::success;) sum += v;
      total = sum;
    });
  }
  for (auto& producer : producers) producer.join();
  channel.close();
  for (auto& consumer : consumers) consumer.join();
  std::int64_t total = 0;
  for (const std::int64_t sum : sums) total += sum;
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t n = bench.count(bench::w05::items, bench::w05::producers);
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    transfer(bench::program::warm_up(n, bench::w05::producers));
    std::int64_t sum = 0;
    bench.measure([&] { sum = transfer(n); });
    bench.expect("the sum", sum, bench::sum_to(n));
  });
  return bench.report_ns_per_op(n);
}
