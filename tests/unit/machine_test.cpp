// The bottom floor: lock, note, random numbers.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <thread>
#include <vector>

#include "runtime/machine/note.hpp"
#include "runtime/machine/random.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/detail/lock.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::lock;
using weft::detail::monotonic_ns;
using weft::detail::note;
using weft_testing::scaled;

TEST(lock, excludes_others) {
  lock guard;
  std::int64_t counter = 0;  // plain: a sanitizer sees it unguarded
  std::vector<std::thread> threads;
  constexpr int rounds = scaled(200'000, 20'000);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        guard.acquire();
        ++counter;
        guard.release();
      }
    });
  }
  for (auto& t : threads) {
    t.join();
  }
  EXPECT_EQ(counter, 4 * rounds);
  EXPECT_FALSE(guard.is_held());
}

// The holder keeps it long enough for everybody else to go to sleep in the kernel.
TEST(lock, sleepers_are_woken_one_after_the_other) {
  for (int round = 0; round < scaled(20, 5); ++round) {
    lock guard;
    std::atomic<int> arrived{0};
    int entered = 0;
    guard.acquire();
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; ++t) {
      threads.emplace_back([&] {
        ++arrived;
        guard.acquire();
        ++entered;
        guard.release();
      });
    }
    EXPECT_TRUE(weft_testing::eventually([&] { return arrived == 16; }));
    std::this_thread::sleep_for(2ms);  // most sleep by now; correct whether or not they do
    guard.release();
    for (auto& t : threads) {
      t.join();
    }
    EXPECT_EQ(entered, 16);
  }
}

TEST(lock, more_threads_than_processors_all_get_it) {
  lock guard;
  std::int64_t counter = 0;
  std::vector<std::thread> threads;
  constexpr int rounds = scaled(300, 50);
  for (int t = 0; t < 32; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        guard.acquire();
        ++counter;
        if (i % 16 == 0) {
          std::this_thread::yield();  // a holder that loses its processor
        }
        guard.release();
      }
    });
  }
  for (auto& t : threads) {
    t.join();
  }
  EXPECT_EQ(counter, 32 * rounds);
}

TEST(lock, try_acquire_fails_when_held) {
  lock guard;
  EXPECT_TRUE(guard.try_acquire());
  EXPECT_FALSE(guard.try_acquire());
  EXPECT_TRUE(guard.is_held());
  guard.release();
  EXPECT_TRUE(guard.try_acquire());
  guard.release();
}

TEST(note, wake_before_wait_is_kept_once) {
  note n;
  n.wake();
  n.wake();
  EXPECT_TRUE(n.is_signalled());
  n.wait();
  EXPECT_FALSE(n.is_signalled());
  EXPECT_FALSE(n.wait_until(monotonic_ns() + 1'000'000));
}

TEST(note, deadline_that_has_passed_returns_at_once) {
  note n;
  EXPECT_FALSE(n.wait_until(0));
  EXPECT_FALSE(n.wait_until(-1));
  n.wake();
  EXPECT_TRUE(n.wait_until(0));
}

TEST(note, does_not_return_before_its_deadline) {
  note n;
  const auto deadline = monotonic_ns() + 3'000'000;
  EXPECT_FALSE(n.wait_until(deadline));
  EXPECT_GE(monotonic_ns(), deadline);
}

TEST(note, what_was_written_before_wake_is_seen_after_wait) {
  note there;
  note back;
  int value = 0;
  constexpr int rounds = scaled(20'000, 2'000);
  std::thread other([&] {
    for (int i = 0; i < rounds; ++i) {
      there.wait();
      ++value;
      back.wake();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    EXPECT_EQ(value, i);
    there.wake();
    back.wait();
  }
  other.join();
  EXPECT_EQ(value, rounds);
}

TEST(note, deadlines_race_wakes_without_losing_one) {
  note n;
  std::atomic<int> asked{0};
  std::atomic<bool> end{false};
  int got = 0;
  std::thread waker([&] {
    while (!end) {
      int none = 0;
      if (asked.compare_exchange_strong(none, 1)) {
        n.wake();
      }
    }
  });
  // Each wake is seen by one wait, whose deadline is about now.
  for (int i = 0; i < scaled(20'000, 2'000) || got == 0; ++i) {
    if (n.wait_until(monotonic_ns() + i % 3000)) {
      ++got;
      EXPECT_EQ(asked.exchange(0), 1);
    }
  }
  end = true;
  waker.join();
  EXPECT_GT(got, 0);
}

TEST(random, is_spread_evenly) {
  weft::detail::random_source source(42);
  std::map<std::uint32_t, int> seen;
  constexpr int draws = 70'000;
  for (int i = 0; i < draws; ++i) {
    const auto n = source.below(7);
    ASSERT_LT(n, 7U);
    ++seen[n];
  }
  EXPECT_EQ(seen.size(), 7U);
  for (const auto& [n, count] : seen) {
    EXPECT_NEAR(count, draws / 7, draws / 70) << n;
  }
  EXPECT_EQ(source.below(1), 0U);
}

TEST(random, equal_seeds_give_equal_numbers) {
  weft::detail::random_source a(7);
  weft::detail::random_source b(7);
  weft::detail::random_source c(8);
  int same_as_c = 0;
  for (int i = 0; i < 100; ++i) {
    const auto n = a.next();
    EXPECT_EQ(n, b.next());
    same_as_c += n == c.next();
  }
  EXPECT_LT(same_as_c, 3);
}

}  // namespace
