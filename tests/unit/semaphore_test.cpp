#include "weft/semaphore.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "support/sync_support.hpp"
#include "weft/mutex.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;
using weft::detail::wait_reason;

class semaphore : public per_procs {};
WEFT_TEST_PER_PROCS(semaphore);

TEST_P(semaphore, never_gives_out_more_than_there_are) {
  weft::semaphore s(3);
  std::atomic<int> inside{0};
  const int turns = scaled(500, 50);
  const auto work = [&](int) {
    for (int i = 0; i < turns; ++i) {
      s.acquire();
      EXPECT_LE(++inside, 3);
      weft::this_fiber::yield();
      --inside;
      s.release();
    }
  };
  auto fibers = spawn_many(10, work);
  thread_many(2, work);
  join_all(fibers);
  EXPECT_EQ(s.available(), 3);
}

TEST_P(semaphore, try_acquire_takes_what_is_there) {
  in_fiber([] {
    weft::semaphore s(3);
    EXPECT_TRUE(s.try_acquire(2));
    EXPECT_FALSE(s.try_acquire(2));
    EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
    EXPECT_TRUE(s.try_acquire(0));
    s.release(3);
    EXPECT_EQ(s.available(), 3);
  });
}

TEST_P(semaphore, large_request_at_the_head_is_not_overtaken) {
  weft::semaphore s(1);
  std::vector<int> order;
  weft::mutex guard;
  const auto note = [&](int i) {
    const std::scoped_lock hold(guard);
    order.push_back(i);
  };
  auto large = weft::spawn([&] {
    s.acquire(3);
    note(3);
    s.release(3);
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::semaphore, 1));
  EXPECT_FALSE(s.try_acquire()) << "there is a permit, but somebody waits";
  auto small = weft::spawn([&] {
    s.acquire(1);
    note(1);
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::semaphore, 2));
  s.release();
  EXPECT_EQ(fibers_waiting(wait_reason::semaphore), 2);
  s.release();
  large.join();
  small.join();
  EXPECT_EQ(order, (std::vector<int>{3, 1}));
}

TEST_P(semaphore, one_release_serves_many) {
  weft::semaphore s(0);
  auto fibers = spawn_many(5, [&](int) { s.acquire(2); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::semaphore, 5));
  s.release(11);
  join_all(fibers);
  EXPECT_EQ(s.available(), 1);
}

TEST_P(semaphore, timed_acquire_gives_up_in_time) {
  weft::semaphore s(1);
  const auto check = [&] {
    const auto before = weft::clock::now();
    EXPECT_FALSE(s.acquire_for(3ms, 2));
    EXPECT_GE(weft::clock::now() - before, 3ms);
    EXPECT_FALSE(s.acquire_until(weft::clock::now() - 1s, 2));
    EXPECT_TRUE(s.acquire_until(weft::clock::now() - 1s));
    s.release();
    EXPECT_TRUE(s.acquire_until(std::chrono::system_clock::now() + 1h));
    s.release();
  };
  in_fiber(check);
  check();
  EXPECT_EQ(s.available(), 1);
}

TEST_P(semaphore, who_gives_up_at_the_head_lets_the_next_pass) {
  with_enough_patience([](auto patience) {
    weft::semaphore s(1);
    flag gave_up;
    flag passed;
    auto large = weft::spawn([&] {
      EXPECT_FALSE(s.acquire_for(patience, 2));
      gave_up.set();
    });
    const auto behind = [&](int waiting) {
      bool seen = false;
      eventually([&] {
        seen = fibers_waiting(wait_reason::semaphore) == waiting;
        return seen || gave_up.is_set();
      });
      return seen;
    };
    bool in_time = behind(1);
    auto small = weft::spawn([&] {
      s.acquire();
      passed.set();
    });
    in_time = behind(2) && in_time;
    large.join();
    EXPECT_TRUE(eventually([&] { return passed.is_set(); }));
    EXPECT_EQ(s.available(), passed.is_set() ? 0 : 1);
    s.release();  // for a small one that waits in vain
    small.join();
    return in_time;
  });
}

TEST_P(semaphore, permits_are_conserved_by_timeouts) {
  weft::semaphore s(4);
  const int turns = scaled(300, 40);
  auto fibers = spawn_many(12, [&](int i) {
    for (int turn = 0; turn < turns; ++turn) {
      const std::ptrdiff_t n = 1 + (turn + i) % 3;
      if (i % 2 == 0) {
        s.acquire(n);
      } else if (!s.acquire_for(std::chrono::microseconds(turn % 30), n)) {
        continue;
      }
      weft::this_fiber::yield();
      s.release(n);
    }
  });
  join_all(fibers);
  EXPECT_EQ(s.available(), 4);
}

TEST_P(semaphore, misuse_throws_and_changes_nothing) {
  EXPECT_THROW(weft::semaphore(-1), std::invalid_argument);
  in_fiber([] {
    weft::semaphore s(1);
    EXPECT_THROW(s.acquire(-1), std::invalid_argument);
    EXPECT_THROW(s.try_acquire(-1), std::invalid_argument);
    EXPECT_THROW(s.release(-1), std::invalid_argument);
    EXPECT_THROW(s.release(weft::semaphore::max()), std::overflow_error);
    EXPECT_EQ(s.available(), 1);
  });
}

TEST_P(semaphore, may_be_destroyed_by_who_was_served_last) {
  in_fiber([] {
    for (int round = 0; round < scaled(300, 50); ++round) {
      auto s = std::make_unique<weft::semaphore>(0);
      for (int i = 0; i < 3; ++i) {
        weft::go([p = s.get()] { p->release(); });
      }
      s->acquire(3);
      s.reset();
    }
  });
}

TEST_P(semaphore, stop_unwinds_who_waits_and_takes_nothing) {
  weft::semaphore s(1);
  std::array<ending, 2> endings{};
  for (auto& e : endings) {
    weft::go([&] { note_ending(e, [&] { s.acquire(2); }); });
  }
  ASSERT_TRUE(wait_until_waiting(wait_reason::semaphore, 2));
  weft::stop();
  EXPECT_EQ(endings, (std::array{ending::unwound, ending::unwound}));
  EXPECT_EQ(s.available(), 1);
  EXPECT_TRUE(s.try_acquire());
}

}  // namespace
