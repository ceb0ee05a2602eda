// W15 wake, weft: a plain thread sends the time each millisecond; a fiber of an otherwise idle
// runtime takes the difference. Deadlock detection is off: until its first send the runtime cannot
// know of the thread, and a fiber that waits for nobody it knows is what it reports.

#include <thread>
#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

std::vector<std::int64_t> wakes(std::int64_t n) {
  std::vector<std::int64_t> latencies;
  latencies.reserve(static_cast<std::size_t>(n));
  const weft::chan<std::int64_t> channel(1);
  std::thread waker([channel, n] {
    for (std::int64_t i = 0; i < n; ++i) {
      bench::nap(bench::w15::period_ns);
      channel.send(bench::now_ns());
    }
    channel.close();
  });
  for (const std::int64_t sent : channel) latencies.push_back(bench::now_ns() - sent);
  waker.join();
  return latencies;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t n = bench.count(bench::w15::wakes);
  std::vector<std::int64_t> latencies;
  weft::run(
      [&] {
        wakes(bench::program::warm_up(n));
        bench.measure([&] { latencies = wakes(n); });
        bench.expect("the number of wakes", static_cast<std::int64_t>(latencies.size()), n);
        const double before = bench::cpu_seconds();
        weft::this_fiber::sleep_for(std::chrono::seconds(1));
        bench.value("idle_cpu_s", bench::cpu_seconds() - before);
      },
      {.procs = bench.workers(), .detect_deadlock = false});
  bench::report_latencies(bench, std::move(latencies));
  return bench.report();
}
