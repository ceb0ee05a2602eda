#include "weft/condition_variable.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "support/sync_support.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;
using weft::detail::wait_reason;

class condition_variable : public per_procs {
 protected:
  weft::mutex m;
  weft::condition_variable changed;
};
WEFT_TEST_PER_PROCS(condition_variable);

TEST_P(condition_variable, notify_without_waiters_does_nothing) {
  in_fiber([&] {
    changed.notify_one();
    changed.notify_all();
    std::unique_lock hold(m);
    EXPECT_EQ(changed.wait_for(hold, 1ms), weft::cv_status::timeout) << "it was remembered";
  });
}

TEST_P(condition_variable, notify_one_wakes_in_order) {
  std::vector<int> order;
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 6; ++i) {
    fibers.push_back(weft::spawn([&, i] {
      std::unique_lock hold(m);
      changed.wait(hold);
      EXPECT_TRUE(hold.owns_lock());
      order.push_back(i);
    }));
    ASSERT_TRUE(wait_until_waiting(wait_reason::condition_variable, i + 1));
  }
  for (int i = 0; i < 6; ++i) {
    {
      const std::scoped_lock hold(m);
      changed.notify_one();
    }
    ASSERT_TRUE(eventually([&] {
      const std::scoped_lock hold(m);
      return order.size() == static_cast<std::size_t>(i) + 1;
    }));
  }
  join_all(fibers);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST_P(condition_variable, notify_all_wakes_everybody) {
  bool open = false;
  auto fibers = spawn_many(20, [&](int) {
    std::unique_lock hold(m);
    changed.wait(hold, [&] { return open; });
  });
  auto threads = thread_many(3, [&](int) {
    std::unique_lock hold(m);
    changed.wait(hold, [&] { return open; });
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::condition_variable, 20));
  ASSERT_TRUE(wait_until_threads_waiting(3));
  {
    const std::scoped_lock hold(m);
    open = true;
  }
  changed.notify_all();
  join_all(fibers);
}

TEST_P(condition_variable, mutex_is_free_during_the_wait) {
  auto waiter = weft::spawn([&] {
    std::unique_lock hold(m);
    changed.wait(hold);
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::condition_variable, 1));
  in_fiber([&] {
    const std::scoped_lock hold(m);
    changed.notify_one();
  });
  waiter.join();
}

TEST_P(condition_variable, wait_hands_the_mutex_to_who_waits_for_it) {
  m.lock();
  bool through = false;
  auto other = weft::spawn([&] {
    const std::scoped_lock hold(m);
    through = true;
    changed.notify_one();
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 1));
  std::unique_lock hold(m, std::adopt_lock);
  changed.wait(hold, [&] { return through; });
  other.join();
}

TEST_P(condition_variable, wait_for_times_out_with_the_mutex_held) {
  const auto check = [&] {
    std::unique_lock hold(m);
    const auto before = weft::clock::now();
    EXPECT_EQ(changed.wait_for(hold, 3ms), weft::cv_status::timeout);
    EXPECT_GE(weft::clock::now() - before, 3ms);
    EXPECT_TRUE(hold.owns_lock());
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(changed.wait_for(hold, 1ms, [] { return false; }));
    EXPECT_TRUE(changed.wait_for(hold, 1ms, [] { return true; }));
  };
  in_fiber(check);
  check();
}

TEST_P(condition_variable, wait_until_understands_other_clocks) {
  in_fiber([&] {
    std::unique_lock hold(m);
    EXPECT_EQ(changed.wait_until(hold, std::chrono::system_clock::now() + 1ms),
              weft::cv_status::timeout);
    EXPECT_EQ(changed.wait_until(hold, weft::clock::now() - 1s), weft::cv_status::timeout);
    EXPECT_FALSE(changed.wait_until(hold, std::chrono::steady_clock::now(), [] { return false; }));
  });
}

TEST_P(condition_variable, notify_in_time_is_no_timeout) {
  auto waiter = weft::spawn([&] {
    std::unique_lock hold(m);
    EXPECT_EQ(changed.wait_for(hold, 1h), weft::cv_status::no_timeout);
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::condition_variable, 1));
  {
    const std::scoped_lock hold(m);
    changed.notify_one();
  }
  waiter.join();
}

// Each notify_one() must reach somebody who waits, however many time out at that moment.
TEST_P(condition_variable, timeouts_take_no_notification) {
  const int items = scaled(2000, 100);
  std::deque<int> queue;
  int taken = 0;
  bool closed = false;
  auto consumers = spawn_many(6, [&](int i) {
    std::unique_lock hold(m);
    for (;;) {
      if (!queue.empty()) {
        queue.pop_front();
        ++taken;
      } else if (closed) {
        return;
      } else if (i % 2 == 0) {
        changed.wait(hold);
      } else {
        changed.wait_for(hold, std::chrono::microseconds(10 * i));
      }
    }
  });
  in_fiber([&] {
    for (int i = 0; i < items; ++i) {
      {
        const std::scoped_lock hold(m);
        queue.push_back(i);
      }
      changed.notify_one();
      if (i % 7 == 0) {
        weft::this_fiber::yield();
      }
    }
    const std::scoped_lock hold(m);
    closed = true;
    changed.notify_all();
  });
  join_all(consumers);
  EXPECT_EQ(taken, items);
}

TEST_P(condition_variable, wait_without_the_mutex_throws) {
  in_fiber([&] {
    std::unique_lock hold(m, std::defer_lock);
    try {
      changed.wait(hold);
      ADD_FAILURE() << "did not throw";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), std::errc::operation_not_permitted);
    }
    std::unique_lock<weft::mutex> none;
    EXPECT_THROW(changed.wait_for(none, 1ms), std::system_error);
  });
}

TEST_P(condition_variable, may_be_destroyed_once_all_are_notified) {
  for (int round = 0; round < scaled(100, 20); ++round) {
    auto shared = std::make_unique<weft::condition_variable>();
    int in = 0;
    auto fibers = spawn_many(4, [&](int) {
      std::unique_lock hold(m);
      ++in;
      shared->wait(hold);
    });
    ASSERT_TRUE(eventually([&] {
      const std::scoped_lock hold(m);
      return in == 4;
    }));
    m.lock();
    shared->notify_all();
    shared.reset();
    m.unlock();
    join_all(fibers);
  }
}

// The deadline comes at about the time of the notification, from whichever thread looks after
// timers, or in the waiting thread itself.
template <class Wait>
void destroy_while_deadlines_pass(weft::mutex& m, Wait in_background) {
  for (int round = 0; round < scaled(400, 100); ++round) {
    auto changed = std::make_unique<weft::condition_variable>();
    int waiting = 0;
    auto waiters = in_background([&] {
      std::unique_lock hold(m);
      ++waiting;
      changed->wait_for(hold, std::chrono::microseconds(20 + round % 60));
    });
    eventually([&] {
      const std::scoped_lock hold(m);
      return waiting == 2;
    });
    while (weft::clock::now().time_since_epoch().count() / 1000 % 8 != round % 8) {
    }
    {
      const std::scoped_lock hold(m);
      changed->notify_all();
    }
    changed.reset();
    for (auto& w : waiters) {
      w.join();
    }
  }
}

TEST_P(condition_variable, may_be_destroyed_while_deadlines_of_the_notified_pass) {
  const auto two_fibers = [](auto f) {
    std::vector<weft::fiber<void>> two;
    two.push_back(weft::spawn(f));
    two.push_back(weft::spawn(f));
    return two;
  };
  destroy_while_deadlines_pass(m, two_fibers);
  in_fiber([&] { destroy_while_deadlines_pass(m, two_fibers); });
}

TEST_P(condition_variable, may_be_destroyed_while_deadlines_of_notified_threads_pass) {
  destroy_while_deadlines_pass(m, [](auto f) {
    std::vector<std::thread> two;
    two.emplace_back(f);
    two.emplace_back(f);
    return two;
  });
}

TEST_P(condition_variable, may_be_destroyed_by_a_thread_while_stop_ends_the_wait) {
  for (int round = 0; round < scaled(50, 20); ++round) {
    auto changed_here = std::make_unique<weft::condition_variable>();
    bool waiting = false;
    weft::go([&, &changed_here = *changed_here] {
      std::unique_lock hold(m);
      waiting = true;
      changed_here.wait(hold);
    });
    ASSERT_TRUE(wait_until_waiting(wait_reason::condition_variable, 1));
    std::thread notifier([&] {
      {
        const std::scoped_lock hold(m);  // its waiter stands in line once it has let go of it
        changed_here->notify_all();
      }
      changed_here.reset();
    });
    weft::stop();
    notifier.join();
    EXPECT_TRUE(waiting);
    weft::start({.procs = procs()});
  }
}

TEST_P(condition_variable, stop_unwinds_with_the_mutex_held) {
  struct witness {
    weft::mutex& m;
    std::atomic<int>& held;
    ~witness() { held += m.try_lock() ? 0 : 1; }
  };
  std::atomic<int> held{0};
  for (int i = 0; i < 4; ++i) {
    weft::go([&] {
      std::unique_lock hold(m);
      const witness w{m, held};
      changed.wait(hold);
    });
  }
  ASSERT_TRUE(wait_until_waiting(wait_reason::condition_variable, 4));
  weft::stop();
  EXPECT_EQ(held, 4);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

// stop() finds it now inside a wait, now between two.
TEST_P(condition_variable, stop_unwinds_one_that_waits_again_and_again) {
  ending of_waiter{};
  flag started;
  weft::go([&] {
    std::unique_lock hold(m);
    started.set();
    try {
      while (true) {
        changed.wait_for(hold, 10us);
      }
    } catch (const weft::unwind&) {
      EXPECT_TRUE(hold.owns_lock());
      of_waiter = ending::unwound;
      throw;
    }
  });
  started.wait();
  weft::stop();
  EXPECT_EQ(of_waiter, ending::unwound);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

TEST_P(condition_variable, stop_unwinds_waiting_threads) {
  ending of_thread{};
  std::jthread waiter([&] {
    std::unique_lock hold(m);
    try {
      changed.wait(hold);
    } catch (const weft::unwind&) {
      EXPECT_TRUE(hold.owns_lock());
      of_thread = ending::unwound;
    }
  });
  ASSERT_TRUE(wait_until_threads_waiting(1));
  weft::stop();
  waiter.join();
  EXPECT_EQ(of_thread, ending::unwound);
}

}  // namespace
