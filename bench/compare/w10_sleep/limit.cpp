// W10 sleep, floor: one thread, one binary heap of timers, the kernel's sleep until the earliest.

#include <time.h>

#include <queue>

#include "../common.hpp"

namespace {

struct timer {
  std::int64_t when;
  std::int64_t sleeper;
  bool operator>(const timer& other) const { return when > other.when; }
};

struct sleeper_state {
  std::int64_t start;
  std::int64_t asked = 0;
  std::int64_t round = 0;
};

void sleepers(std::vector<std::int64_t>& late) {
  std::vector<sleeper_state> states(late.size());
  std::priority_queue<timer, std::vector<timer>, std::greater<>> heap;
  const auto next_sleep = [&](std::int64_t id, std::int64_t now) {
    sleeper_state& s = states[static_cast<std::size_t>(id)];
    const std::int64_t ns = bench::w10::sleep_ns(id, s.round++);
    s.asked += ns;
    heap.push({now + ns, id});
  };
  for (std::size_t i = 0; i < states.size(); ++i) {
    states[i].start = bench::now_ns();
    next_sleep(static_cast<std::int64_t>(i), states[i].start);
  }
  while (!heap.empty()) {
    const std::int64_t earliest = heap.top().when;
    const timespec until{earliest / 1'000'000'000, earliest % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    const std::int64_t now = bench::now_ns();
    while (!heap.empty() && heap.top().when <= now) {
      const std::int64_t id = heap.top().sleeper;
      heap.pop();
      const sleeper_state& s = states[static_cast<std::size_t>(id)];
      if (s.round < bench::w10::sleeps_per_fiber) {
        next_sleep(id, now);
      } else {
        late[static_cast<std::size_t>(id)] = now - s.start - s.asked;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, "1", bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w10::fibers);
  std::vector<std::int64_t> warm(static_cast<std::size_t>(bench::program::warm_up(n)));
  std::vector<std::int64_t> late(static_cast<std::size_t>(n), -1);
  sleepers(warm);
  bench.measure([&] { sleepers(late); });
  bench::report_lateness(bench, late);
  return bench.report();
}
