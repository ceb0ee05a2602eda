#include <gtest/gtest.h>

#include <chrono>
#include <mutex>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"
#include "weft/mutex.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;
using weft::detail::wait_reason;

class timed_mutex : public per_procs {};
WEFT_TEST_PER_PROCS(timed_mutex);

TEST_P(timed_mutex, try_lock_for_gives_up_in_time) {
  weft::timed_mutex m;
  m.lock();
  in_fiber([&] {
    const auto before = weft::clock::now();
    EXPECT_FALSE(m.try_lock_for(5ms));
    EXPECT_GE(weft::clock::now() - before, 5ms);
  });
  m.unlock();
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

TEST_P(timed_mutex, try_lock_for_gives_up_in_time_on_a_thread) {
  weft::timed_mutex m;
  in_fiber([&] { m.lock(); });
  const auto before = weft::clock::now();
  EXPECT_FALSE(m.try_lock_for(5ms));
  EXPECT_GE(weft::clock::now() - before, 5ms);
  m.unlock();
}

TEST_P(timed_mutex, try_lock_until_gets_it_when_it_is_unlocked) {
  weft::timed_mutex m;
  m.lock();
  auto waiter = weft::spawn([&] {
    const bool got = m.try_lock_until(weft::clock::now() + 1h);
    EXPECT_TRUE(got);
    m.unlock();
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 1));
  m.unlock();
  waiter.join();
}

TEST_P(timed_mutex, deadline_in_the_past_locks_a_free_one) {
  in_fiber([] {
    weft::timed_mutex m;
    EXPECT_TRUE(m.try_lock_until(weft::clock::now() - 1s));
    EXPECT_FALSE(m.try_lock_until(weft::clock::now() - 1s));
    EXPECT_FALSE(m.try_lock_for(0s));
    EXPECT_FALSE(m.try_lock_for(-1h));
    m.unlock();
  });
}

TEST_P(timed_mutex, other_clocks_and_units_are_understood) {
  in_fiber([] {
    weft::timed_mutex m;
    m.lock();
    EXPECT_FALSE(m.try_lock_until(std::chrono::system_clock::now() + 2ms));
    EXPECT_FALSE(m.try_lock_until(std::chrono::steady_clock::now() + 2ms));
    EXPECT_FALSE(m.try_lock_until(std::chrono::steady_clock::time_point::min()));
    EXPECT_FALSE(m.try_lock_for(std::chrono::duration<double>(0.002)));
    m.unlock();
    std::unique_lock hold(m, std::chrono::hours::max());
    EXPECT_TRUE(hold);
  });
}

// Who gives up must not take the wake-up of another with it.
TEST_P(timed_mutex, waiters_that_give_up_do_not_disturb_the_rest) {
  weft::timed_mutex m;
  const int turns = scaled(300, 40);
  int held = 0;
  int timed = 0;
  auto fibers = spawn_many(12, [&](int i) {
    for (int turn = 0; turn < turns; ++turn) {
      if (i % 3 == 0) {
        if (!m.try_lock_for(std::chrono::microseconds(turn % 50))) {
          continue;
        }
        ++timed;
      } else {
        m.lock();
        ++held;
      }
      if (turn % 8 == 0) {
        weft::this_fiber::yield();
      }
      m.unlock();
    }
  });
  join_all(fibers);
  EXPECT_EQ(held, 8 * turns);
  EXPECT_LE(timed, 4 * turns);
}

TEST_P(timed_mutex, waiter_with_a_deadline_waits_for_the_owner_at_stop) {
  weft::timed_mutex m;
  weft::chan<int> never;
  flag locked;
  ending of_waiter{};
  weft::go([&] {
    const std::scoped_lock hold(m);
    locked.set();
    never.recv();
  });
  locked.wait();
  weft::go([&] {
    note_ending(of_waiter, [&] { EXPECT_TRUE(m.try_lock_for(1h)); });
    m.unlock();
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  weft::stop();
  EXPECT_EQ(of_waiter, ending::returned);
}

TEST_P(timed_mutex, waiter_with_a_deadline_is_unwound_when_nobody_can_unlock) {
  weft::timed_mutex m;
  ending of_waiter{};
  m.lock();
  weft::go([&] { note_ending(of_waiter, [&] { m.try_lock_for(1h); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 1));
  weft::stop();
  EXPECT_EQ(of_waiter, ending::unwound);
  m.unlock();
}

}  // namespace
