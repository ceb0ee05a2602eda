// W1 yield, Boost.Fiber: two fibers on one thread, round_robin, this_fiber::yield.

#include "../boost_runtime.hpp"

namespace {

std::int64_t yields(std::int64_t per_fiber) {
  std::int64_t switches = 0;
  int last = -1;
  const auto body = [&](int id) {
    for (std::int64_t i = 0; i < per_fiber; ++i) {
      if (last != id) {
        last = id;
        ++switches;
      }
      boost::this_fiber::yield();
    }
  };
  boost::fibers::fiber a(body, 0);
  boost::fibers::fiber b(body, 1);
  a.join();
  b.join();
  return switches;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version, bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w01::yields_per_fiber);
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    yields(bench::program::warm_up(n));
    std::int64_t switches = 0;
    bench.measure([&] { switches = yields(n); });
    bench.expect("the number of switches", switches, 2 * n);
  });
  return bench.report_ns_per_op(2 * n);
}
