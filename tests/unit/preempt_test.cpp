// The word that polls look at, and their slow path.
#include "weft/detail/preempt.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "runtime/scheduler/scheduler.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::checkpoint_slow;
using weft::detail::current_m;
using weft::detail::preempt_wanted;
using weft::detail::request;
using weft::detail::request_yield;
using weft_testing::eventually;

class preempt : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(preempt);

// A fiber may change its thread in between.
[[gnu::noinline]] int errno_now() {
  asm volatile("");
  return errno;
}
[[gnu::noinline]] void set_errno(int value) {
  asm volatile("");
  errno = value;
}

bool asked() { return current_m()->asked.is_asked(); }

TEST_P(preempt, word_is_set_until_the_overdue_fiber_yields) {
  weft::spawn([] {
    bool seen = false;
    while (!seen || !asked()) {
      seen |= preempt_wanted.load(std::memory_order_relaxed) != 0;
    }
    weft::checkpoint();
    EXPECT_FALSE(asked());
  }).join();
  EXPECT_TRUE(eventually([] { return preempt_wanted == 0; }));
}

TEST_P(preempt, slow_path_does_nothing_inside_the_runtime) {
  weft::spawn([] {
    const weft::detail::entry in;
    weft::detail::M* const m = current_m();
    request_yield(m);
    checkpoint_slow();
    EXPECT_EQ(current_m(), m);
    EXPECT_TRUE(m->asked.inside());
    EXPECT_TRUE(m->asked.is_asked());
  }).join();
}

TEST_P(preempt, slow_path_does_nothing_on_a_plain_thread) {
  preempt_wanted = 1;
  weft::checkpoint();
  checkpoint_slow();
  EXPECT_EQ(current_m(), nullptr);
}

TEST_P(preempt, slow_path_keeps_errno) {
  std::atomic<bool> end{false};
  weft::fiber<void> spoiler = weft::spawn([&] {
    while (!end) {
      set_errno(ERANGE);
      weft::this_fiber::yield();
    }
  });
  weft::spawn([&] {
    for (int i = 0; i < 1000; ++i) {
      set_errno(i);
      request_yield(current_m());
      weft::checkpoint();
      ASSERT_EQ(errno_now(), i);
    }
  }).join();
  end = true;
  spoiler.join();
}

// How many turns another fiber gets while one calls weft ten times, with its slice over at each.
int turns_beside_overdue_calls(weft::fiber_options options) {
  weft::start({.procs = 1, .time_slice = 24h});
  int turns = 0;
  weft::spawn([&] {
    bool end = false;
    const weft::fiber<void> other = weft::spawn([&] {
      while (!end) {
        ++turns;
        weft::this_fiber::yield();
      }
    });
    const weft::fiber<void> overdue = weft::spawn(options, [&] {
      const weft::chan<int> buffer(1);
      turns = 0;
      for (int i = 0; i < 10; ++i) {
        request_yield(current_m());
        buffer.send(i);
        request_yield(current_m());
        weft::checkpoint();
        EXPECT_FALSE(asked());
        buffer.recv();
      }
      end = true;
    });
  }).join();
  weft::stop();
  return turns;
}

TEST(preempt_in_long_slices, who_is_overdue_yields_in_calls) {
  EXPECT_GE(turns_beside_overdue_calls({}), 10);
}

TEST(preempt_in_long_slices, who_must_not_be_preempted_goes_on) {
  EXPECT_EQ(turns_beside_overdue_calls({.preempt = false}), 0);
}

// Here sysmon asks nobody.
TEST(preempt_in_long_slices, set_procs_counts_as_asking) {
  weft::start({.procs = 1, .time_slice = 24h});
  weft::chan<int>(1).send(1);  // ends solo, for which set_procs() would hold the world
  std::atomic<bool> running{false};
  std::thread changer([&] {
    while (!running) {
    }
    weft::set_procs(2);
  });
  weft::spawn([&] {
    running = true;
    while (preempt_wanted.load(std::memory_order_relaxed) == 0 || !asked()) {
    }
    weft::checkpoint();
    EXPECT_FALSE(asked());
  }).join();
  changer.join();
  weft::stop();
  EXPECT_EQ(preempt_wanted, 0U);
}

}  // namespace
