#include "weft/latch.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "support/sync_support.hpp"

namespace {

using namespace weft_testing;
using weft::detail::wait_reason;

class latch : public per_procs {};
WEFT_TEST_PER_PROCS(latch);

TEST_P(latch, of_zero_is_open) {
  weft::latch l(0);
  EXPECT_TRUE(l.try_wait());
  l.wait();
}

TEST_P(latch, opens_at_zero_for_all) {
  weft::latch l(3);
  auto fibers = spawn_many(4, [&](int) { l.wait(); });
  auto threads = thread_many(2, [&](int) { l.wait(); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::latch, 4));
  ASSERT_TRUE(wait_until_threads_waiting(2));
  l.count_down(2);
  EXPECT_FALSE(l.try_wait());
  l.count_down();
  EXPECT_TRUE(l.try_wait());
  join_all(fibers);
}

TEST_P(latch, arrive_and_wait_lets_all_go_together) {
  weft::latch l(6);
  std::atomic<int> arrived{0};
  auto fibers = spawn_many(6, [&](int) {
    ++arrived;
    l.arrive_and_wait();
    EXPECT_EQ(arrived, 6);
  });
  join_all(fibers);
}

TEST_P(latch, misuse_throws_and_changes_nothing) {
  EXPECT_THROW(weft::latch(-1), std::invalid_argument);
  EXPECT_THROW(weft::latch(weft::latch::max() + 1), std::invalid_argument);
  weft::latch l(2);
  EXPECT_THROW(l.count_down(3), std::logic_error);
  EXPECT_THROW(l.count_down(-1), std::logic_error);
  EXPECT_THROW(l.count_down(PTRDIFF_MAX), std::logic_error);
  l.count_down(0);
  EXPECT_FALSE(l.try_wait());
  l.count_down(2);
  EXPECT_THROW(l.count_down(), std::logic_error);
  EXPECT_TRUE(l.try_wait());
}

TEST_P(latch, may_be_destroyed_as_soon_as_wait_returns) {
  in_fiber([] {
    for (int round = 0; round < scaled(300, 50); ++round) {
      auto l = std::make_unique<weft::latch>(2);
      for (int i = 0; i < 2; ++i) {
        weft::go([p = l.get()] { p->count_down(); });
      }
      l->wait();
      l.reset();
    }
  });
}

TEST_P(latch, stop_unwinds_a_wait_that_nobody_can_end) {
  weft::latch l(1);
  ending of_waiter{};
  weft::go([&] { note_ending(of_waiter, [&] { l.wait(); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::latch, 1));
  weft::stop();
  EXPECT_EQ(of_waiter, ending::unwound);
  l.count_down();
  l.wait();
}

}  // namespace
