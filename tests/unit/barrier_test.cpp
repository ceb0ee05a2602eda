#include "weft/barrier.hpp"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "support/sync_support.hpp"

namespace {

using namespace weft_testing;
using weft::detail::wait_reason;

class barrier : public per_procs {};
WEFT_TEST_PER_PROCS(barrier);

// Nobody may be a phase ahead of anybody else.
TEST_P(barrier, keeps_all_in_step) {
  constexpr int count = 6;
  const int phases = scaled(300, 50);
  weft::barrier<> b(count);
  std::array<std::atomic<int>, count> at{};
  const auto walk = [&](int i) {
    for (int phase = 0; phase < phases; ++phase) {
      at[static_cast<std::size_t>(i)] = phase;
      b.arrive_and_wait();
      for (const auto& other : at) {
        EXPECT_GE(other, phase);
        EXPECT_LE(other, phase + 1);
      }
    }
  };
  auto fibers = spawn_many(count - 2, walk);
  thread_many(2, [&](int i) { walk(count - 2 + i); });
  join_all(fibers);
}

TEST_P(barrier, completion_runs_once_between_phases) {
  int completed = 0;
  std::atomic<int> arrived{0};
  const auto completion = [&]() noexcept {
    EXPECT_EQ(arrived, 5 * (completed + 1));
    ++completed;
  };
  weft::barrier b(5, completion);
  auto fibers = spawn_many(5, [&](int) {
    for (int phase = 0; phase < 20; ++phase) {
      ++arrived;
      b.arrive_and_wait();
      EXPECT_GE(completed, phase + 1);
    }
  });
  join_all(fibers);
  EXPECT_EQ(completed, 20);
}

TEST_P(barrier, completion_may_wait) {
  weft::barrier b(3, []() noexcept { weft::this_fiber::sleep_for(std::chrono::microseconds(10)); });
  auto fibers = spawn_many(3, [&](int) {
    for (int phase = 0; phase < 5; ++phase) {
      b.arrive_and_wait();
    }
  });
  join_all(fibers);
}

TEST_P(barrier, token_waits_for_its_phase_only) {
  in_fiber([] {
    weft::barrier<> b(2);
    auto first = b.arrive();
    auto second = b.arrive();
    b.wait(std::move(first));
    auto next = b.arrive(2);
    b.wait(std::move(second));
    b.wait(std::move(next));
  });
}

TEST_P(barrier, drop_lowers_the_number_from_the_next_phase_on) {
  weft::barrier<> b(3);
  auto fibers = spawn_many(2, [&](int) {
    b.arrive_and_wait();
    b.arrive_and_wait();
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::barrier, 2));
  b.arrive_and_drop();
  join_all(fibers);
}

TEST_P(barrier, misuse_throws_and_changes_nothing) {
  EXPECT_THROW(weft::barrier<>(-1), std::invalid_argument);
  in_fiber([] {
    weft::barrier<> b(2);
    EXPECT_THROW(static_cast<void>(b.arrive(3)), std::logic_error);
    EXPECT_THROW(static_cast<void>(b.arrive(0)), std::logic_error);
    EXPECT_THROW(static_cast<void>(b.arrive(-1)), std::logic_error);
    auto token = b.arrive(2);
    b.wait(std::move(token));
  });
}

TEST_P(barrier, stop_unwinds_who_waits) {
  weft::barrier<> b(3);
  std::array<ending, 2> endings{};
  for (auto& e : endings) {
    weft::go([&] { note_ending(e, [&] { b.arrive_and_wait(); }); });
  }
  ASSERT_TRUE(wait_until_waiting(wait_reason::barrier, 2));
  weft::stop();
  EXPECT_EQ(endings, (std::array{ending::unwound, ending::unwound}));
}

}  // namespace
