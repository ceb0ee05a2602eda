// Oracle: fibers and threads arm, move and stop timers at random. A timer fires at most once per
// arming and not before its time; after stop_timer() has said true and until it is armed again it
// does not fire; one that was left alone has fired in the end. The number of Ps changes meanwhile.
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "runtime/machine/platform.hpp"
#include "runtime/state/timers.hpp"
#include "support/stress.hpp"
#include "weft/go.hpp"

namespace {

using weft::detail::arm_timer;
using weft::detail::delete_timer;
using weft::detail::monotonic_ns;
using weft::detail::new_timer;
using weft::detail::stop_timer;
using weft::detail::timer_node;
using weft_testing::require;

struct probe {
  std::atomic<int> fired{0};
  std::atomic<std::int64_t> not_before{0};
};

void fire(timer_node* t) noexcept {
  auto* const p = static_cast<probe*>(t->arg);
  require(monotonic_ns() >= p->not_before, "fired before its time");
  ++p->fired;
}

void exercise(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  probe p;
  timer_node* const t = new_timer(fire, &p);
  for (int i = 0; i < 100; ++i) {
    const int before = p.fired;
    p.not_before = 0;
    const auto moves = random() % 4;
    for (std::uint64_t k = 0; k < moves; ++k) {
      arm_timer(t, monotonic_ns() + static_cast<std::int64_t>(random() % 200'000));
    }
    stop_timer(t, true);
    const int stopped = p.fired;
    require(stopped - before <= static_cast<int>(moves), "fired more often than armed");
    weft::this_fiber::yield();
    require(p.fired == stopped, "fired after it was stopped");
    const auto when = monotonic_ns() + static_cast<std::int64_t>(random() % 100'000);
    p.not_before = when;
    arm_timer(t, when);
    while (p.fired == stopped) {
      weft::this_fiber::sleep_for(std::chrono::microseconds(20));  // alarm() ends a vain wait
    }
    require(p.fired == stopped + 1, "fired twice");
  }
  delete_timer(t);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  weft::start({.procs = options.procs});
  while (watch.running()) {
    std::vector<std::thread> threads;
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back(exercise, random());
    }
    for (int i = 0; i < 10; ++i) {
      fibers.push_back(weft::spawn(exercise, random()));
    }
    weft::set_procs(1 + static_cast<int>(random() % static_cast<unsigned>(2 * options.procs)));
    for (auto& f : fibers) {
      f.join();
    }
    for (auto& t : threads) {
      t.join();
    }
  }
  weft::stop();
}
