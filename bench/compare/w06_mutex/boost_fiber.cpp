// W6 mutex, Boost.Fiber: 64 fibers add to one counter under one fibers::mutex.

#include "../boost_runtime.hpp"

namespace {

std::int64_t count(std::int64_t pairs) {
  boost::fibers::mutex mutex;
  std::int64_t n = 0;
  std::vector<boost::fibers::fiber> fibers;
  for (std::int64_t f = 0; f < bench::w06::fibers; ++f) {
    fibers.emplace_back([&] {
      for (std::int64_t i = 0; i < pairs; ++i) {
        mutex.lock();
        ++n;
        mutex.unlock();
      }
    });
  }
  for (auto& fiber : fibers) fiber.join();
  return n;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t pairs = bench.count(bench::w06::pairs_per_fiber);
  std::int64_t n = 0;
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    count(bench::program::warm_up(pairs));
    bench.measure([&] { n = count(pairs); });
    bench.expect("the counter", n, bench::w06::fibers * pairs);
  });
  return bench.report_ns_per_op(n);
}
