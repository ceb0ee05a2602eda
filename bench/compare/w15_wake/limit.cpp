// W15 wake, floor: a thread that sleeps in a futex, woken by another each millisecond.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "../common.hpp"

namespace {

void futex(std::atomic<std::int32_t>& word, int operation, std::int32_t value) {
  syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

std::vector<std::int64_t> wakes(std::int64_t n) {
  std::vector<std::int64_t> latencies;
  latencies.reserve(static_cast<std::size_t>(n));
  std::atomic<std::int32_t> turn{0};
  std::int64_t sent = 0;
  std::thread waker([&] {
    for (std::int64_t i = 0; i < n; ++i) {
      bench::nap(bench::w15::period_ns);
      sent = bench::now_ns();
      turn.fetch_add(1, std::memory_order_release);
      futex(turn, FUTEX_WAKE, 1);
    }
  });
  for (std::int32_t seen = 0; seen < n; ++seen) {
    while (turn.load(std::memory_order_acquire) == seen) futex(turn, FUTEX_WAIT, seen);
    latencies.push_back(bench::now_ns() - sent);
  }
  waker.join();
  return latencies;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, "1", bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w15::wakes);
  wakes(bench::program::warm_up(n));
  std::vector<std::int64_t> latencies;
  bench.measure([&] { latencies = wakes(n); });
  bench.expect("the number of wakes", static_cast<std::int64_t>(latencies.size()), n);
  const double before = bench::cpu_seconds();
  bench::nap(1'000'000'000);
  bench.value("idle_cpu_s", bench::cpu_seconds() - before);
  bench::report_latencies(bench, std::move(latencies));
  return bench.report();
}
