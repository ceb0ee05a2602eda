#include "weft/wait_group.hpp"

#include <gtest/gtest.h>

#include <climits>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"

namespace {

using namespace weft_testing;
using weft::detail::wait_reason;

class wait_group : public per_procs {};
WEFT_TEST_PER_PROCS(wait_group);

TEST_P(wait_group, wait_for_zero_returns_at_once) {
  weft::wait_group group;
  group.wait();
  in_fiber([&] { group.wait(); });
}

TEST_P(wait_group, wait_returns_when_all_are_done) {
  weft::wait_group group;
  const int count = scaled(1000, 100);
  std::atomic<int> ran{0};
  in_fiber([&] {
    group.add(count);
    for (int i = 0; i < count; ++i) {
      weft::go([&] {
        ++ran;
        group.done();
      });
    }
    group.wait();
    EXPECT_EQ(ran, count);
  });
}

TEST_P(wait_group, all_who_wait_go_on) {
  weft::wait_group group;
  group.add(2);
  auto fibers = spawn_many(5, [&](int) { group.wait(); });
  auto threads = thread_many(2, [&](int) { group.wait(); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::wait_group, 5));
  ASSERT_TRUE(wait_until_threads_waiting(2));
  group.done();
  EXPECT_EQ(fibers_waiting(wait_reason::wait_group), 5);
  group.done();
  join_all(fibers);
}

// What the fibers wrote without any other order must be seen.
TEST_P(wait_group, done_happens_before_wait_returns) {
  weft::wait_group group;
  std::vector<int> written(64);
  for (int round = 1; round <= scaled(50, 10); ++round) {
    for (int& w : written) {
      group.go([&w] { ++w; });
    }
    group.wait();
    for (const int w : written) {
      EXPECT_EQ(w, round);
    }
  }
}

TEST_P(wait_group, go_counts_and_calls) {
  weft::wait_group group;
  std::atomic<int> sum{0};
  auto owned = std::make_unique<int>(3);
  group.go([&sum, owned = std::move(owned)] { sum += *owned; });
  const std::function<void()> function = [&] { sum += 4; };
  group.go(function);
  group.wait();
  EXPECT_EQ(sum, 7);
}

TEST_P(wait_group, go_destroys_the_function_before_it_is_done) {
  for (int round = 0; round < scaled(200, 50); ++round) {
    int alive = 0;
    struct counted {
      int* count;
      explicit counted(int* c) : count(c) { ++*count; }
      counted(counted&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
      ~counted() { *(count != nullptr ? count : &nobody) -= 1; }
      int nobody = 0;
    };
    weft::wait_group group;
    group.go([c = counted(&alive)] {});
    group.wait();
    EXPECT_EQ(alive, 0);
  }
}

TEST_P(wait_group, go_of_an_empty_function_throws_and_does_not_count) {
  weft::wait_group group;
  EXPECT_THROW(group.go(std::function<void()>()), std::bad_function_call);
  group.wait();
}

TEST_P(wait_group, negative_counter_throws_and_stays) {
  in_fiber([] {
    weft::wait_group group;
    EXPECT_THROW(group.done(), std::logic_error);
    group.add(2);
    EXPECT_THROW(group.add(-3), std::logic_error);
    group.done();
    group.done();
    EXPECT_THROW(group.done(), std::logic_error);
    group.wait();
  });
}

TEST_P(wait_group, too_large_a_counter_throws_and_stays) {
  weft::wait_group group;
  group.add(INT_MAX);
  EXPECT_THROW(group.add(1), std::logic_error);
  group.add(-INT_MAX);
  group.wait();
}

TEST_P(wait_group, may_be_used_again) {
  in_fiber([] {
    weft::wait_group group;
    for (int round = 0; round < scaled(500, 100); ++round) {
      std::atomic<int> ran{0};
      for (int i = 0; i < 4; ++i) {
        group.go([&] { ++ran; });
      }
      group.wait();
      EXPECT_EQ(ran, 4);
    }
  });
}

// The last done() must not touch it after the waiter could have gone on.
TEST_P(wait_group, may_be_destroyed_as_soon_as_wait_returns) {
  in_fiber([] {
    for (int round = 0; round < scaled(500, 100); ++round) {
      auto group = std::make_unique<weft::wait_group>();
      group->add(3);
      for (int i = 0; i < 3; ++i) {
        weft::go([&, g = group.get()] { g->done(); });
      }
      group->wait();
      group.reset();
    }
  });
}

TEST_P(wait_group, stop_unwinds_its_fibers_first) {
  weft::chan<int> never;
  ending of_waiter{};
  std::atomic<int> unwound{0};
  weft::go([&] {
    weft::wait_group group;
    for (int i = 0; i < 3; ++i) {
      group.go([&] {
        ending mine{};
        struct at_end {
          ending& mine;
          std::atomic<int>& unwound;
          ~at_end() { unwound += mine == ending::unwound; }
        } end{mine, unwound};
        note_ending(mine, [&] { never.recv(); });
      });
    }
    note_ending(of_waiter, [&] { group.wait(); });
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::wait_group, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 3));
  weft::stop();
  EXPECT_EQ(unwound, 3);
  EXPECT_EQ(of_waiter, ending::returned);
}

TEST_P(wait_group, stop_unwinds_a_wait_that_nobody_can_end) {
  weft::wait_group group;
  group.add(1);
  ending of_waiter{};
  weft::go([&] { note_ending(of_waiter, [&] { group.wait(); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::wait_group, 1));
  weft::stop();
  EXPECT_EQ(of_waiter, ending::unwound);
  group.done();
  group.wait();
}

}  // namespace
