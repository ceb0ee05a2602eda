#include "weft/mutex.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <system_error>
#include <type_traits>
#include <vector>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"
#include "weft/wait_group.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;
using weft::detail::wait_reason;

class mutex : public per_procs {};
WEFT_TEST_PER_PROCS(mutex);

static_assert(!std::is_copy_constructible_v<weft::mutex>);
static_assert(!std::is_move_constructible_v<weft::mutex>);
constinit weft::mutex constant_initialised;

TEST_P(mutex, excludes_fibers) {
  weft::mutex m;
  const int turns = scaled(20'000, 500);
  std::int64_t n = 0;
  auto fibers = spawn_many(16, [&](int) {
    for (int i = 0; i < turns; ++i) {
      const std::scoped_lock hold(m);
      ++n;
    }
  });
  join_all(fibers);
  EXPECT_EQ(n, 16 * turns);
}

TEST_P(mutex, excludes_fibers_that_yield_inside) {
  weft::mutex m;
  const int turns = scaled(500, 50);
  bool inside = false;
  auto fibers = spawn_many(16, [&](int) {
    for (int i = 0; i < turns; ++i) {
      const std::scoped_lock hold(m);
      EXPECT_FALSE(std::exchange(inside, true));
      weft::this_fiber::yield();
      EXPECT_TRUE(std::exchange(inside, false));
    }
  });
  join_all(fibers);
}

TEST_P(mutex, excludes_fibers_and_threads) {
  weft::mutex m;
  const int turns = scaled(5'000, 200);
  std::int64_t n = 0;
  const auto count = [&](int) {
    for (int i = 0; i < turns; ++i) {
      const std::scoped_lock hold(m);
      ++n;
    }
  };
  auto fibers = spawn_many(4, count);
  thread_many(4, count);
  join_all(fibers);
  EXPECT_EQ(n, 8 * turns);
}

TEST_P(mutex, try_lock_fails_while_held) {
  weft::mutex m;
  m.lock();
  in_fiber([&] { EXPECT_FALSE(m.try_lock()); });
  m.unlock();
  in_fiber([&] {
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_P(mutex, unlock_of_an_unlocked_one_throws) {
  in_fiber([] {
    weft::mutex m;
    try {
      m.unlock();
      ADD_FAILURE() << "did not throw";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), std::errc::operation_not_permitted);
      EXPECT_NE(std::string(e.what()).find("weft::mutex: unlock of an unlocked mutex"),
                std::string::npos);
    }
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_P(mutex, may_be_unlocked_on_another_thread) {
  weft::mutex m;
  m.lock();
  std::jthread([&] { m.unlock(); }).join();
  in_fiber([&] {
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_P(mutex, waiters_are_served_in_order) {
  weft::mutex m;
  std::vector<int> order;
  m.lock();
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 10; ++i) {
    fibers.push_back(weft::spawn([&, i] {
      const std::scoped_lock hold(m);
      order.push_back(i);
    }));
    ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, i + 1));
  }
  m.unlock();
  join_all(fibers);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

// Who has waited for more than 1 ms and was woken in vain gets the mutex from the next unlock,
// before whoever tries to take it then.
TEST_P(mutex, is_handed_over_to_a_starving_waiter) {
  weft::mutex m;
  flag got_it;
  flag let_go;
  m.lock();
  auto waiter = weft::spawn([&] {
    const std::scoped_lock hold(m);
    got_it.set();
    let_go.wait();
  });
  bool handed = false;
  while (!handed && !got_it.is_set()) {
    ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 1));
    spend(1500us);
    m.unlock();
    handed = !m.try_lock();
  }
  got_it.wait();
  EXPECT_FALSE(m.try_lock());
  let_go.set();
  waiter.join();
}

// The same where it is certain that the first wake is in vain.
TEST(mutex_on_one_proc, is_handed_over_to_a_starving_waiter) {
  weft::run(
      [] {
        weft::mutex m;
        bool got_it = false;
        m.lock();
        auto waiter = weft::spawn([&] {
          const std::scoped_lock hold(m);
          got_it = true;
        });
        wait_until_waiting(wait_reason::mutex, 1);
        spend(1500us);
        m.unlock();
        EXPECT_TRUE(m.try_lock()) << "a free mutex is for whoever comes first";
        weft::this_fiber::yield();
        EXPECT_FALSE(got_it);
        m.unlock();
        EXPECT_FALSE(m.try_lock()) << "it was not handed over";
        waiter.join();
        EXPECT_TRUE(got_it);
        EXPECT_TRUE(m.try_lock()) << "it has stayed in the starving mode";
        m.unlock();
      },
      {.procs = 1, .time_slice = 24h});  // nobody runs beside a fiber that has lost its CPU
}

TEST_P(mutex, all_starving_waiters_get_it) {
  weft::mutex m;
  const int count = 20;
  int n = 0;
  m.lock();
  auto fibers = spawn_many(count, [&](int) {
    for (int i = 0; i < 100; ++i) {
      const std::scoped_lock hold(m);
      ++n;
    }
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, count));
  spend(1500us);
  m.unlock();
  join_all(fibers);
  EXPECT_EQ(n, count * 100);
}

// Who unlocks last but one must not touch it any more: the last one destroys it.
TEST_P(mutex, may_be_destroyed_by_who_unlocked_it_last) {
  struct counted {
    weft::mutex m;
    int users;
  };
  for (int round = 0; round < scaled(300, 50); ++round) {
    auto* const shared = new counted{.m = {}, .users = 8};
    auto fibers = spawn_many(8, [shared](int) {
      shared->m.lock();
      const bool last = --shared->users == 0;
      shared->m.unlock();
      if (last) {
        delete shared;
      }
    });
    join_all(fibers);
  }
}

TEST_P(mutex, works_with_the_standard_locks) {
  weft::mutex a;
  weft::mutex b;
  weft::timed_mutex c;
  int n = 0;
  auto fibers = spawn_many(8, [&](int i) {
    for (int turn = 0; turn < 100; ++turn) {
      if (i % 2 == 0) {
        const std::scoped_lock hold(a, b, c);
        ++n;
      } else {
        std::unique_lock first(c, std::defer_lock);
        std::unique_lock second(a, std::defer_lock);
        std::unique_lock third(b, std::defer_lock);
        std::lock(first, second, third);
        ++n;
      }
    }
  });
  join_all(fibers);
  EXPECT_EQ(n, 800);
}

TEST_P(mutex, waiter_gets_it_when_stop_unwinds_the_owner) {
  weft::mutex m;
  weft::chan<int> never;
  flag locked;
  ending of_owner{};
  ending of_waiter{};
  weft::go([&] {
    const std::scoped_lock hold(m);
    locked.set();
    note_ending(of_owner, [&] { never.recv(); });
  });
  locked.wait();
  weft::go([&] {
    note_ending(of_waiter, [&] { m.lock(); });
    m.unlock();
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  weft::stop();
  EXPECT_EQ(of_owner, ending::unwound);
  EXPECT_EQ(of_waiter, ending::returned);
}

TEST_P(mutex, starving_waiters_get_it_when_stop_unwinds_the_owner) {
  weft::mutex m;
  weft::chan<int> never;
  flag locked;
  std::atomic<int> served{0};
  weft::go([&] {
    const std::scoped_lock hold(m);
    locked.set();
    never.recv();
  });
  locked.wait();
  for (int i = 0; i < 5; ++i) {
    weft::go([&] {
      const std::scoped_lock hold(m);
      ++served;
      weft::this_fiber::yield();
    });
  }
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 5));
  spend(1500us);
  weft::stop();
  EXPECT_EQ(served, 5);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

TEST_P(mutex, waiter_is_unwound_when_nobody_can_unlock) {
  weft::mutex m;
  ending of_waiter{};
  m.lock();
  weft::go([&] { note_ending(of_waiter, [&] { m.lock(); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 1));
  weft::stop();
  EXPECT_EQ(of_waiter, ending::unwound);
  m.unlock();
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

}  // namespace
