// W2 spawn, Boost.Fiber: waves of 1000 detached fibers on recycled stacks. The library has no
// wait_group; boost_wait_group stands in.

#include "../boost_runtime.hpp"

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t n = bench.count(bench::w02::fibers, bench::w02::wave);
  bench::boost_stack_pool pool(bench);
  bench::boost_wait_group group;

  const auto waves = [&](std::int64_t fibers) {
    for (; fibers > 0; fibers -= bench::w02::wave) {
      group.add(bench::w02::wave);
      for (std::int64_t i = 0; i < bench::w02::wave; ++i) {
        bench::boost_spawn(pool, boost::fibers::launch::post, [&group] { group.done(); }).detach();
      }
      group.wait();
    }
  };
  // One wave in which each fiber marks its place: wait() must mean that all of them ran.
  const auto check_marks = [&] {
    std::vector<std::int64_t> marks(bench::w02::wave);
    group.add(bench::w02::wave);
    for (std::int64_t& mark : marks) {
      bench::boost_spawn(pool, boost::fibers::launch::post, [&group, &mark] {
        ++mark;
        group.done();
      }).detach();
    }
    group.wait();
    std::int64_t sum = 0;
    for (const std::int64_t mark : marks) sum += mark;
    bench.expect("the number of fibers that ran", sum, bench::w02::wave);
  };

  bench::boost_run(bench, bench::boost_policy::stealing_suspend, [&] {
    waves(bench::program::warm_up(n, bench::w02::wave));
    check_marks();
    bench.measure([&] { waves(n); });
    check_marks();
  });
  return bench.report_ns_per_op(n);
}
