// W6 mutex, floor: one thread, a lock that is one atomic exchange to take and one store to leave.

#include <atomic>

#include "../common.hpp"

namespace {

std::int64_t count(std::int64_t pairs) {
  std::atomic<bool> locked{false};
  std::int64_t n = 0;
  for (std::int64_t i = 0; i < bench::w06::fibers * pairs; ++i) {
    while (locked.exchange(true, std::memory_order_acquire)) {
    }
    ++n;
    bench::keep(n);
    locked.store(false, std::memory_order_release);
  }
  return n;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, "1", bench::program::workers_allowed::one);
  const std::int64_t pairs = bench.count(bench::w06::pairs_per_fiber);
  count(bench::program::warm_up(pairs));
  std::int64_t n = 0;
  bench.measure([&] { n = count(pairs); });
  bench.expect("the counter", n, bench::w06::fibers * pairs);
  return bench.report_ns_per_op(n);
}
