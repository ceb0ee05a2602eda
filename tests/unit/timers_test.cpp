// timer_heap and timers: order, moving, stopping, races, the bound on what stopped ones keep.
#include "runtime/state/timers.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "runtime/machine/platform.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/timer_heap.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::arm_timer;
using weft::detail::delete_timer;
using weft::detail::monotonic_ns;
using weft::detail::new_timer;
using weft::detail::stop_timer;
using weft::detail::timer_node;
using weft_testing::eventually;
using weft_testing::scaled;

constexpr std::int64_t ms = 1'000'000;

void count_fire(timer_node* t) noexcept { ++*static_cast<std::atomic<int>*>(t->arg); }

class timers : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(timers);

TEST_P(timers, from_a_thread_fires_once) {
  std::atomic<int> fired{0};
  timer_node* const t = new_timer(count_fire, &fired);
  EXPECT_FALSE(arm_timer(t, monotonic_ns() + ms));
  EXPECT_TRUE(eventually([&] { return fired == 1; }));
  EXPECT_FALSE(stop_timer(t, true));
  delete_timer(t);
  EXPECT_EQ(fired, 1);
}

TEST_P(timers, stopped_ones_do_not_fire) {
  std::atomic<int> fired{0};
  timer_node* const t = new_timer(count_fire, &fired);
  timer_node* const later = new_timer(count_fire, &fired);
  arm_timer(t, monotonic_ns() + 3600'000 * ms);
  EXPECT_TRUE(stop_timer(t, true));
  EXPECT_FALSE(stop_timer(t, true));
  arm_timer(later, monotonic_ns() + ms);
  EXPECT_TRUE(eventually([&] { return fired == 1; }));
  delete_timer(t);
  delete_timer(later);
}

TEST_P(timers, moved_earlier_fires_early) {
  std::atomic<int> fired{0};
  timer_node* const t = new_timer(count_fire, &fired);
  arm_timer(t, monotonic_ns() + 3600'000 * ms);
  EXPECT_TRUE(arm_timer(t, monotonic_ns() + ms));
  EXPECT_TRUE(eventually([&] { return fired == 1; }));
  delete_timer(t);
}

TEST_P(timers, moved_later_does_not_fire_early) {
  std::atomic<int> fired{0};
  timer_node* const t = new_timer(count_fire, &fired);
  const auto begin = monotonic_ns();
  arm_timer(t, begin + 2 * ms);
  EXPECT_TRUE(arm_timer(t, begin + 30 * ms));
  EXPECT_TRUE(eventually([&] { return fired == 1; }));
  EXPECT_GE(monotonic_ns(), begin + 30 * ms);
  delete_timer(t);
}

TEST_P(timers, never_does_not_fire_and_can_be_moved) {
  std::atomic<int> fired{0};
  timer_node* const t = new_timer(count_fire, &fired);
  arm_timer(t, weft::detail::never);
  arm_timer(t, monotonic_ns() + ms);
  EXPECT_TRUE(eventually([&] { return fired == 1; }));
  delete_timer(t);
}

TEST_P(timers, fibers_wake_in_the_order_of_their_deadlines) {
  weft::stop();
  weft::start({.procs = procs(), .time_slice = 24h});  // or two may run at once even on one P
  weft_testing::with_enough_patience([this](auto patience) {
    // On one P the order is exact; on several the wakers race.
    std::vector<int> order;
    std::vector<weft::fiber<void>> fibers;
    const auto base = weft::clock::now() + patience;
    for (const int i : {5, 2, 8, 0, 9, 1, 7, 3, 6, 4}) {
      fibers.push_back(weft::spawn([&order, i, base, exact = procs() == 1] {
        weft::this_fiber::sleep_until(base + i * 1us);
        if (exact) {
          order.push_back(i);
        }
      }));
    }
    bool in_time = false;
    eventually([&] {
      const bool all = weft_testing::fibers_waiting(weft::detail::wait_reason::sleep) == 10;
      const bool over = weft::clock::now() >= base;
      in_time = all && !over;
      return all || over;
    });
    for (auto& f : fibers) {
      f.join();
    }
    if (procs() == 1) {
      EXPECT_TRUE(std::is_sorted(order.begin(), order.end()) || !in_time);
      EXPECT_EQ(order.size(), 10U);
    }
    return in_time;
  });
}

TEST_P(timers, thousands_of_sleepers_all_wake) {
  constexpr int count = scaled(5000, 1000);
  std::atomic<int> woken{0};
  for (int i = 0; i < count; ++i) {
    weft::go([&woken, i] {
      weft::this_fiber::sleep_for(std::chrono::microseconds(i * 7919 % 5000));
      ++woken;
    });
  }
  EXPECT_TRUE(eventually([&] { return woken == count; })) << woken;
}

TEST_P(timers, sleepers_wake_beside_a_fiber_that_never_yields) {
  if (procs() == 1) {
    GTEST_SKIP() << "needs a second P";
  }
  std::atomic<bool> end{false};
  std::atomic<int> woken{0};
  for (int i = 0; i < 20; ++i) {
    weft::go([&] {
      weft::this_fiber::sleep_for(1ms);
      ++woken;
    });
  }
  weft::go([&] {
    while (!end) {
    }
  });
  EXPECT_TRUE(eventually([&] { return woken == 20; })) << woken;
  end = true;
  weft::stop();  // the fibers use this frame
}

TEST_P(timers, stop_races_fire) {
  std::atomic<int> fired{0};
  timer_node* const t = new_timer(count_fire, &fired);
  int expected = 0;
  std::mt19937 random(1);
  for (int i = 0; i < scaled(3000, 500); ++i) {
    arm_timer(t, monotonic_ns() + static_cast<int>(random() % 60'000));
    const auto until = monotonic_ns() + static_cast<int>(random() % 60'000);
    while (monotonic_ns() < until) {
    }
    if (!stop_timer(t, true)) {
      ++expected;
    }
    ASSERT_EQ(fired, expected);  // a fire in progress has ended
  }
  delete_timer(t);
}

TEST_P(timers, moves_race_fire_and_the_last_one_counts) {
  std::atomic<int> fired{0};
  timer_node* const t = new_timer(count_fire, &fired);
  std::mt19937 random(2);
  for (int i = 0; i < scaled(500, 100); ++i) {
    for (int k = 0; k < 20; ++k) {
      arm_timer(t, monotonic_ns() + static_cast<int>(random() % 100'000));
    }
    const int before = fired;
    arm_timer(t, monotonic_ns() + static_cast<int>(random() % 100'000));
    ASSERT_TRUE(eventually([&] { return fired > before; }));
    stop_timer(t, true);
  }
  delete_timer(t);
}

std::int64_t waits_of_all_threads() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw;
}

// Without sharing, each P would wake up for nearly every one of them: 20,000 times a second.
TEST_P(timers, dense_ones_share_wake_ups) {
  constexpr int fibers = 400;
  constexpr int sleeps = 80;
  const auto waits_before = waits_of_all_threads();
  const auto begin = monotonic_ns();
  std::vector<weft::fiber<void>> all;
  for (int i = 0; i < fibers; ++i) {
    all.push_back(weft::spawn([i] {
      for (int n = 0; n < sleeps; ++n) {
        weft::this_fiber::sleep_for(1ms + std::chrono::microseconds((i * 37 + n * 101) % 2000));
      }
    }));
  }
  for (auto& fiber : all) {
    fiber.join();
  }
  const auto elapsed = monotonic_ns() - begin;
  EXPECT_LT(waits_of_all_threads() - waits_before, GetParam() * (elapsed / (ms / 4)) + 400);
}

TEST_P(timers, a_lone_one_is_not_put_off) {
  int on_time = 0;
  weft::spawn([&] {
    const auto sleep_once = [&] {
      const auto begin = monotonic_ns();
      weft::this_fiber::sleep_for(200us);
      const auto late = monotonic_ns() - begin - ms / 5;
      EXPECT_GE(late, 0);
      on_time += late < ms / 4;  // most are late by about 0.05; the machine may be busy
    };
    EXPECT_TRUE(eventually([&] {
      for (int n = 0; n < 100; ++n) {
        sleep_once();
      }
      return on_time > 10;
    }));
  }).join();
}

// The heap alone ---------------------------------------------------------------------------------

struct ordered {
  timer_node node;
  std::vector<int>* log = nullptr;
  int number = 0;
};

TEST(timer_heap, fires_in_order_of_time) {
  weft::detail::timer_heap heap;
  std::vector<int> log;
  std::vector<ordered> all(2000);
  std::mt19937 random(3);
  for (auto& o : all) {
    o.log = &log;
    o.number = static_cast<int>(random() % 10'000) + 1;
    o.node.arg = &o;
    o.node.fire = [](timer_node* t) noexcept {
      auto* const self = static_cast<ordered*>(t->arg);
      self->log->push_back(self->number);
    };
    o.node.when_ = o.node.key_ = o.number;
    o.node.home_ = &heap;
    heap.push(o.number, &o.node);
  }
  EXPECT_EQ(heap.run_due(0), 0U);
  const auto half = heap.run_due(5000);
  EXPECT_EQ(half, log.size());
  EXPECT_GT(heap.next(), 5000);
  heap.run_due(10'000);
  EXPECT_EQ(log.size(), all.size());
  EXPECT_TRUE(std::is_sorted(log.begin(), log.end()));
  EXPECT_EQ(heap.next(), weft::detail::timer_heap::no_time);
}

std::size_t resident_bytes() {
  std::size_t size = 0;
  std::size_t resident = 0;
  FILE* const f = std::fopen("/proc/self/statm", "r");
  EXPECT_EQ(std::fscanf(f, "%zu %zu", &size, &resident), 2);
  std::fclose(f);
  return resident * 4096;
}

TEST_P(timers, a_million_stopped_ones_keep_no_memory) {
  timer_node* const t = new_timer(count_fire, nullptr);
  const auto before = resident_bytes();
  const auto far = monotonic_ns() + 3600'000 * ms;
  for (int i = 0; i < scaled(1'000'000, 100'000); ++i) {
    arm_timer(t, far + i);
    stop_timer(t, false);
  }
  for (int i = 0; i < scaled(1'000'000, 100'000); ++i) {
    arm_timer(t, far - i);  // always earlier: an entry each time
  }
  EXPECT_LT(resident_bytes(), before + (8 << 20));
  delete_timer(t);
}

}  // namespace
