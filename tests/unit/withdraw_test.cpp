// Ps that withdraw because their threads spin: when, for how long, and that nothing is lost.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <sstream>
#include <string>
#include <thread>

#include "runtime/machine/spinning.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"
#include "runtime/state/contention.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/debug.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::contention_watch;
using weft::detail::never;
using weft::detail::sched;
using weft_testing::eventually;

constexpr std::int64_t window = contention_watch::window_ns;

TEST(contention_watch, says_much_from_two_fifths_of_a_window_on) {
  const auto spins = [](std::int64_t spun, std::int64_t worked) {
    contention_watch watch;
    std::int64_t now = 1'000'000;
    bool much = false;
    for (std::int64_t since = 0; since <= window; since += spun + worked) {
      now += worked + spun;
      much |= watch.add(now, spun);
    }
    return much;
  };
  EXPECT_TRUE(spins(500, 500));
  EXPECT_TRUE(spins(410, 590));
  EXPECT_FALSE(spins(380, 620));
  EXPECT_FALSE(spins(10, 990));
}

TEST(contention_watch, forgets_what_was_long_ago) {
  contention_watch watch;
  std::int64_t now = 1'000'000;
  EXPECT_FALSE(watch.add(now, window - 1));
  for (int i = 0; i < 100; ++i) {
    now += 2 * window;
    EXPECT_FALSE(watch.add(now, window - 1));  // alone in its window, and that is not over
  }
}

TEST(haul_watch, counts_hauls_in_a_row_that_were_not_worth_it) {
  using weft::detail::haul_watch;
  haul_watch hauls;
  std::int64_t now = 1'000'000;
  const auto haul = [&](std::uint32_t fibers, std::int64_t ns) {
    hauls.took(fibers, now);
    now += ns;
    hauls.ran_dry(now);
  };
  haul(10, 10 * haul_watch::worth_per_fiber_ns - 1);
  haul(1, haul_watch::worth_per_fiber_ns - 1);
  EXPECT_EQ(hauls.vain(), 2);
  now += 1;
  hauls.ran_dry(now);  // nothing was taken
  EXPECT_EQ(hauls.vain(), 2);
  haul(10, 10 * haul_watch::worth_per_fiber_ns);
  EXPECT_EQ(hauls.vain(), 0);
  hauls.took(10, now);
  hauls.took(10, now + 1);  // that is the end of the first
  EXPECT_EQ(hauls.vain(), 1);
  hauls.forget();
  EXPECT_EQ(hauls.vain(), 0);
}

// Withdrawn Ps come back only when somebody takes them, for as long as this lives.
class stay_away {
 public:
  stay_away() { weft::detail::testing_withdrawal_ns = never; }
  ~stay_away() { weft::detail::testing_withdrawal_ns = 2'000'000; }
  stay_away(const stay_away&) = delete;
  stay_away& operator=(const stay_away&) = delete;
};

// As if the calling fiber's thread had spun for a whole window; then a call into the runtime, which
// is where it withdraws.
void spin_much() {
  weft::detail::count_spinning(weft::detail::monotonic_ns(), window);
  weft::checkpoint();
}

std::uint64_t withdrawals() { return weft::snapshot().withdrawals; }

// Spins, with checkpoints, until told to end: a fiber that keeps its P busy.
class busy_fiber {
 public:
  busy_fiber() {
    group_.go([this] {
      while (!end_.load(std::memory_order_acquire)) {
        beats_.fetch_add(1, std::memory_order_relaxed);
        weft::checkpoint();
      }
    });
  }
  ~busy_fiber() {
    end_.store(true, std::memory_order_release);
    group_.wait();
  }
  busy_fiber(const busy_fiber&) = delete;
  busy_fiber& operator=(const busy_fiber&) = delete;

  // Until it runs beside the caller: on another P.
  void await_running() const {
    const int before = beats_.load();
    while (beats_.load() < before + 100) {
    }
  }

 private:
  std::atomic<bool> end_{false};
  std::atomic<int> beats_{0};
  weft::wait_group group_;
};

// Makes a P withdraw.
void withdraw_one(const busy_fiber& other) {
  const std::uint64_t before = withdrawals();
  const bool done = eventually([&] {
    other.await_running();
    spin_much();
    return withdrawals() > before;
  });
  EXPECT_TRUE(done);
}

class withdraw : public weft_testing::on_procs {};
INSTANTIATE_TEST_SUITE_P(, withdraw, testing::Values(2, 4, 8), weft_testing::procs_name);

TEST_P(withdraw, happens_beside_a_busy_p_and_the_fiber_goes_on) {
  run([] {
    const busy_fiber other;
    withdraw_one(other);
    withdraw_one(other);  // it is back by now, or another one goes
  });
}

TEST_P(withdraw, does_not_happen_to_the_only_busy_p) {
  run([] {
    EXPECT_TRUE(eventually([] { return sched.idle.idle_count + 1 == sched.proc_count; }));
    const std::uint64_t before = withdrawals();
    for (int i = 0; i < 10; ++i) {
      spin_much();
    }
    EXPECT_EQ(withdrawals(), before);
  });
}

TEST_P(withdraw, takes_turns) {
  run([] {
    const busy_fiber other;
    withdraw_one(other);
    sched.idle.guard.acquire();
    sched.idle.last_withdrawal_ns = weft::detail::monotonic_ns() + 1'000'000'000;
    sched.idle.guard.release();
    const std::uint64_t before = withdrawals();
    for (int i = 0; i < 10; ++i) {
      other.await_running();
      spin_much();
    }
    EXPECT_EQ(withdrawals(), before);
    sched.idle.guard.acquire();
    sched.idle.last_withdrawal_ns = 0;
    sched.idle.guard.release();
  });
}

TEST_P(withdraw, leaves_a_fiber_that_is_not_to_be_preempted) {
  run([] {
    const busy_fiber other;
    const std::uint64_t before = withdrawals();
    weft::spawn({.preempt = false}, [&] {
      for (int i = 0; i < 10; ++i) {
        other.await_running();
        spin_much();
      }
    }).join();
    EXPECT_EQ(withdrawals(), before);
  });
}

// Nothing waits for a P that does not come back.
TEST_P(withdraw, leaves_its_fibers_to_others) {
  run([] {
    const stay_away hold;
    weft::wait_group group;
    const busy_fiber other;
    for (int i = 0; i < 1000; ++i) {
      group.go([] { weft::this_fiber::yield(); });
    }
    withdraw_one(other);
    for (int i = 0; i < 1000; ++i) {
      group.go([] { weft::this_fiber::yield(); });
    }
    group.wait();
  });
}

// Those whose Ps were taken from them, and who may therefore need another one.
std::uint64_t detaches() {
  const auto& p = weft::snapshot().preemptions;
  return p.detached_for_slice + p.detached_in_declared + p.detached_in_undeclared +
         p.detached_at_once;
}

TEST_P(withdraw, is_not_ended_by_work) {
  run([] {
    const stay_away hold;
    const busy_fiber other;
    const std::uint64_t before = detaches();
    withdraw_one(other);
    const auto is_away = [] {
      sched.idle.guard.acquire();
      int away = 0;
      for (const weft::detail::P* p = sched.idle.first(); p != nullptr; p = p->next_idle) {
        away += p->withdrawn ? 1 : 0;
      }
      sched.idle.guard.release();
      return away >= 1;
    };
    const bool away_first = is_away();
    weft::wait_group group;
    for (int i = 0; i < 1000; ++i) {
      group.go([] {});
    }
    std::thread([&] { group.go([] {}); }).join();
    group.wait();
    const bool away_still = is_away();
    if (detaches() == before) {  // on a busy machine one may come back, and take the P
      EXPECT_TRUE(away_first);
      EXPECT_TRUE(away_still);
    }
  });
}

TEST_P(withdraw, keeps_neither_dumps_nor_set_procs_nor_stop_waiting) {
  run([] {
    const stay_away hold;
    const busy_fiber other;
    withdraw_one(other);
    std::ostringstream text;
    weft::dump(text);
    EXPECT_NE(text.str().find("fiber"), std::string::npos);
    weft::set_procs(1);
    EXPECT_TRUE(eventually([] { return sched.idle.idle_count == 0; }));
    weft::set_procs(GetParam());
    withdraw_one(other);
  });
}

// A P that has withdrawn serves a fiber that comes back without one.
TEST_P(withdraw, is_ended_by_a_fiber_that_comes_back) {
  run([] {
    const stay_away hold;
    const busy_fiber other;
    withdraw_one(other);
    std::atomic<bool> go_on{false};
    auto away = weft::spawn([&] {
      weft::blocking(weft::hand_off_p::at_once, [&] {
        while (!go_on) {
          std::this_thread::yield();
        }
      });
    });
    EXPECT_TRUE(eventually([] { return sched.detached > 0; }));
    go_on = true;
    away.join();
  });
}

TEST_P(withdraw, timers_are_on_time_enough) {
  run([] {
    const stay_away hold;
    const busy_fiber other;
    for (int i = 0; i < 8; ++i) {
      auto sleeper = weft::spawn([] { weft::this_fiber::sleep_for(20ms); });
      withdraw_one(other);
      sleeper.join();
    }
  });
}

// Fibers that cost less than to move them.
TEST_P(withdraw, happens_where_help_is_in_vain) {
  if (weft_testing::sanitized || weft::detail::affinity_cpus() < 2) {
    GTEST_SKIP() << "a fiber is not cheap under sanitizers, and one processor has no helpers";
  }
  run([] {
    const std::uint64_t before = withdrawals();
    EXPECT_TRUE(eventually([before] {
      weft::wait_group group;
      group.add(1000);
      for (int i = 0; i < 1000; ++i) {
        weft::go([&group] { group.done(); });
      }
      group.wait();
      return withdrawals() > before;
    }));
  });
}

// Beside one that does not run what waits there, little is better than nothing.
TEST_P(withdraw, does_not_happen_to_who_alone_runs_what_waits) {
  run([] {
    weft::detail::M m;
    const weft::detail::M* const self = weft::detail::current_m();
    weft::detail::P* const p = self->p;
    const std::int64_t now = weft::detail::monotonic_ns();
    const auto in_vain = [&] {
      for (int i = 0; i <= weft::detail::haul_watch::often; ++i) {
        m.hauls.took(100, now);
      }
      return weft::detail::helps_in_vain(&m, p);
    };
    const weft::detail::world_hold nobody_runs;
    weft::detail::P* const other = sched.p_at(p == sched.p_at(0) ? 1 : 0);
    in_vain();  // from here on it knows what was dispatched before
    p->dispatches += 1000;
    EXPECT_FALSE(in_vain());
    p->dispatches += 1000;
    other->dispatches += 499;
    EXPECT_FALSE(in_vain());
    p->dispatches += 1000;
    other->dispatches += 500;
    EXPECT_TRUE(in_vain());
  });
}

TEST_P(withdraw, a_contended_mutex_and_channel_stay_right) {
  run([] {
    weft::mutex m;
    const weft::chan<int> c(8);
    int n = 0;
    std::atomic<int> received{0};
    weft::wait_group group;
    constexpr int fibers = 16;
    constexpr int times = weft_testing::scaled(20'000, 2'000);
    for (int i = 0; i < fibers; ++i) {
      group.go([&] {
        for (int k = 0; k < times; ++k) {
          const std::scoped_lock hold(m);
          ++n;
        }
      });
      group.go([&] {
        for (int k = 0; k < times; ++k) {
          c.send(1);
        }
      });
      group.go([&] {
        for (int k = 0; k < times; ++k) {
          received += *c.recv();
        }
      });
    }
    group.wait();
    EXPECT_EQ(n, fibers * times);
    EXPECT_EQ(received, fibers * times);
  });
}

}  // namespace
