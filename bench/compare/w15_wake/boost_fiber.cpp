// W15 wake, Boost.Fiber: a plain thread pushes the time into a channel each millisecond; a fiber
// on otherwise idle threads takes the difference. The idle threads sleep (suspend = true): the row
// asks for no CPU time when idle.

#include "../boost_runtime.hpp"

namespace {

std::vector<std::int64_t> wakes(std::int64_t n) {
  std::vector<std::int64_t> latencies;
  latencies.reserve(static_cast<std::size_t>(n));
  boost::fibers::buffered_channel<std::int64_t> channel(2);
  std::thread waker([&] {
    for (std::int64_t i = 0; i < n; ++i) {
      bench::nap(bench::w15::period_ns);
      channel.push(bench::now_ns());
    }
    channel.close();
  });
  for (std::int64_t sent; channel.pop(sent) == boost::fibers::channel_op_status::success;) {
    latencies.push_back(bench::now_ns() - sent);
  }
  waker.join();
  return latencies;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t n = bench.count(bench::w15::wakes);
  std::vector<std::int64_t> latencies;
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    wakes(bench::program::warm_up(n));
    bench.measure([&] { latencies = wakes(n); });
    bench.expect("the number of wakes", static_cast<std::int64_t>(latencies.size()), n);
    const double before = bench::cpu_seconds();
    boost::this_fiber::sleep_for(std::chrono::seconds(1));
    bench.value("idle_cpu_s", bench::cpu_seconds() - before);
  });
  bench::report_latencies(bench, std::move(latencies));
  return bench.report();
}
