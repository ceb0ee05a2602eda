// W10 sleep, Boost.Fiber: 100,000 fibers, each sleeps ten pseudo-random times.

#include "../boost_runtime.hpp"

namespace {

void sleepers(bench::boost_stack_pool& pool, bench::boost_wait_group& group,
              std::vector<std::int64_t>& late) {
  group.add(static_cast<std::int64_t>(late.size()));
  for (std::size_t f = 0; f < late.size(); ++f) {
    bench::boost_spawn(pool, boost::fibers::launch::post, [&group, &late, f] {
      const std::int64_t start = bench::now_ns();
      std::int64_t asked = 0;
      for (std::int64_t round = 0; round < bench::w10::sleeps_per_fiber; ++round) {
        const std::int64_t ns = bench::w10::sleep_ns(static_cast<std::int64_t>(f), round);
        asked += ns;
        boost::this_fiber::sleep_for(std::chrono::nanoseconds(ns));
      }
      late[f] = bench::now_ns() - start - asked;
      group.done();
    }).detach();
  }
  group.wait();
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t n = bench.count(bench::w10::fibers);
  bench::boost_stack_pool pool(bench);
  bench::boost_wait_group group;
  std::vector<std::int64_t> warm(static_cast<std::size_t>(bench::program::warm_up(n)));
  std::vector<std::int64_t> late(static_cast<std::size_t>(n));
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    sleepers(pool, group, warm);
    bench.measure([&] { sleepers(pool, group, late); });
  });
  bench::report_lateness(bench, late);
  return bench.report();
}
