#include "weft/shared_mutex.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <vector>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;
using weft::detail::wait_reason;

class shared_mutex : public per_procs {};
WEFT_TEST_PER_PROCS(shared_mutex);

TEST_P(shared_mutex, readers_share_it) {
  weft::shared_mutex m;
  const std::shared_lock mine(m);
  in_fiber([&] {
    const std::shared_lock also(m);
    EXPECT_TRUE(m.try_lock_shared());
    m.unlock_shared();
  });
}

TEST_P(shared_mutex, writer_excludes_all) {
  weft::shared_mutex m;
  const std::unique_lock mine(m);
  in_fiber([&] {
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(m.try_lock_shared());
  });
}

TEST_P(shared_mutex, reader_excludes_writers) {
  weft::shared_mutex m;
  m.lock_shared();
  in_fiber([&] { EXPECT_FALSE(m.try_lock()); });
  m.unlock_shared();
  in_fiber([&] {
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

// Writers move two numbers in step; readers must never see them apart.
TEST_P(shared_mutex, readers_see_what_writers_leave) {
  weft::shared_mutex m;
  const int turns = scaled(3000, 100);
  std::int64_t a = 0;
  std::int64_t b = 0;
  const auto work = [&](int i) {
    for (int turn = 0; turn < turns; ++turn) {
      if ((turn + i) % 4 == 0) {
        const std::unique_lock hold(m);
        ++a;
        if (turn % 16 == 0) {
          weft::this_fiber::yield();
        }
        ++b;
      } else {
        const std::shared_lock hold(m);
        if (turn % 16 == 0) {
          weft::this_fiber::yield();
        }
        EXPECT_EQ(a, b);
      }
    }
  };
  auto fibers = spawn_many(8, work);
  thread_many(2, work);
  join_all(fibers);
  EXPECT_EQ(a, 10 * turns / 4);
}

TEST_P(shared_mutex, new_readers_wait_behind_a_waiting_writer) {
  weft::shared_mutex m;
  std::vector<char> order;
  m.lock_shared();
  auto writer = weft::spawn([&] {
    const std::unique_lock hold(m);
    order.push_back('w');
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::shared_mutex, 1));
  EXPECT_FALSE(m.try_lock_shared());
  auto reader = weft::spawn([&] {
    const std::shared_lock hold(m);
    order.push_back('r');
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::shared_mutex, 2));
  m.unlock_shared();
  writer.join();
  reader.join();
  EXPECT_EQ(order, (std::vector<char>{'w', 'r'}));
}

// A stream of writers does not keep readers out: all that wait get it after the next writer.
TEST_P(shared_mutex, waiting_readers_get_it_together_after_a_writer) {
  weft::shared_mutex m;
  std::atomic<int> reading{0};
  flag all_reading;
  std::atomic<bool> second_wrote{false};
  m.lock();
  auto writer = weft::spawn([&] {
    const std::unique_lock hold(m);
    EXPECT_TRUE(all_reading.is_set());
    second_wrote = true;
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::shared_mutex, 1));
  auto readers = spawn_many(5, [&](int) {
    const std::shared_lock hold(m);
    if (++reading == 5) {
      EXPECT_FALSE(second_wrote);
      all_reading.set();
    }
    all_reading.wait();
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::shared_mutex, 6));
  m.unlock();
  join_all(readers);
  writer.join();
  EXPECT_TRUE(second_wrote);
}

TEST_P(shared_mutex, writers_are_served_in_order) {
  weft::shared_mutex m;
  std::vector<int> order;
  m.lock();
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 8; ++i) {
    fibers.push_back(weft::spawn([&, i] {
      const std::unique_lock hold(m);
      order.push_back(i);
    }));
    ASSERT_TRUE(wait_until_waiting(wait_reason::shared_mutex, i + 1));
  }
  m.unlock();
  join_all(fibers);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_P(shared_mutex, writer_that_gives_up_lets_readers_pass) {
  with_enough_patience([](auto patience) {
    weft::shared_mutex m;
    flag gave_up;
    flag passed;
    m.lock_shared();
    auto writer = weft::spawn([&] {
      EXPECT_FALSE(m.try_lock_for(patience));
      gave_up.set();
    });
    const auto behind = [&](int waiting) {
      bool seen = false;
      eventually([&] {
        seen = fibers_waiting(wait_reason::shared_mutex) == waiting;
        return seen || gave_up.is_set();
      });
      return seen;
    };
    bool in_time = behind(1);
    auto reader = weft::spawn([&] {
      const std::shared_lock hold(m);
      passed.set();
    });
    in_time = behind(2) && in_time;
    writer.join();
    EXPECT_TRUE(eventually([&] { return passed.is_set(); }));
    EXPECT_TRUE(m.try_lock_shared());
    m.unlock_shared();
    m.unlock_shared();
    reader.join();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
    return in_time;
  });
}

TEST_P(shared_mutex, timed_waits_give_up_in_time) {
  weft::shared_mutex m;
  m.lock();
  const auto check = [&] {
    const auto before = weft::clock::now();
    EXPECT_FALSE(m.try_lock_for(2ms));
    EXPECT_FALSE(m.try_lock_shared_for(2ms));
    EXPECT_GE(weft::clock::now() - before, 4ms);
    EXPECT_FALSE(m.try_lock_until(weft::clock::now() - 1s));
    EXPECT_FALSE(m.try_lock_shared_until(std::chrono::system_clock::now() + 1ms));
  };
  in_fiber(check);
  check();
  m.unlock();
  EXPECT_TRUE(m.try_lock_shared_until(weft::clock::now() - 1s));
  m.unlock_shared();
  EXPECT_TRUE(m.try_lock_for(-1s));
  m.unlock();
}

TEST_P(shared_mutex, waiters_that_give_up_do_not_disturb_the_rest) {
  weft::shared_mutex m;
  const int turns = scaled(300, 40);
  std::atomic<int> held{0};
  bool writing = false;
  auto fibers = spawn_many(12, [&](int i) {
    for (int turn = 0; turn < turns; ++turn) {
      const auto soon = std::chrono::microseconds(turn % 40);
      if (i % 4 == 0) {
        m.lock();
      } else if (i % 4 == 1) {
        if (!m.try_lock_for(soon)) {
          continue;
        }
      } else {
        if (i % 4 == 2) {
          m.lock_shared();
        } else if (!m.try_lock_shared_for(soon)) {
          continue;
        }
        EXPECT_FALSE(writing);
        weft::this_fiber::yield();
        m.unlock_shared();
        held += i % 4 == 2;
        continue;
      }
      EXPECT_FALSE(std::exchange(writing, true));
      weft::this_fiber::yield();
      writing = false;
      m.unlock();
      held += i % 4 == 0;
    }
  });
  join_all(fibers);
  EXPECT_EQ(held, 6 * turns);
}

TEST_P(shared_mutex, misuse_throws) {
  in_fiber([] {
    weft::shared_mutex m;
    EXPECT_THROW(m.unlock(), std::system_error);
    EXPECT_THROW(m.unlock_shared(), std::system_error);
    m.lock();
    EXPECT_THROW(m.unlock_shared(), std::system_error);
    m.unlock();
    m.lock_shared();
    try {
      m.unlock();
      ADD_FAILURE() << "did not throw";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), std::errc::operation_not_permitted);
    }
    m.unlock_shared();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_P(shared_mutex, waiters_get_it_when_stop_unwinds_the_owner) {
  weft::shared_mutex m;
  weft::chan<int> never;
  flag locked;
  std::atomic<int> served{0};
  weft::go([&] {
    const std::unique_lock hold(m);
    locked.set();
    never.recv();
  });
  locked.wait();
  for (int i = 0; i < 6; ++i) {
    weft::go([&, i] {
      if (i % 2 == 0) {
        const std::unique_lock hold(m);
        ++served;
      } else {
        const std::shared_lock hold(m);
        ++served;
      }
    });
  }
  ASSERT_TRUE(wait_until_waiting(wait_reason::shared_mutex, 6));
  weft::stop();
  EXPECT_EQ(served, 6);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

TEST_P(shared_mutex, waiters_are_unwound_when_nobody_can_unlock) {
  weft::shared_mutex m;
  ending of_writer{};
  ending of_reader{};
  m.lock_shared();
  weft::go([&] { note_ending(of_writer, [&] { m.lock(); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::shared_mutex, 1));
  weft::go([&] {
    note_ending(of_reader, [&] { m.lock_shared(); });
    m.unlock_shared();
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::shared_mutex, 2));
  weft::stop();
  EXPECT_EQ(of_writer, ending::unwound);
  EXPECT_NE(of_reader, ending::none);
  m.unlock_shared();
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

}  // namespace
