// Contexts with deadlines, and calls when a context is done.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"
#include "weft/context.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;

class context_deadline : public per_procs {};
WEFT_TEST_PER_PROCS(context_deadline);

class after_done : public per_procs {};
WEFT_TEST_PER_PROCS(after_done);

TEST_P(context_deadline, ends_it_in_time) {
  const auto check = [] {
    const auto before = weft::clock::now();
    auto [ctx, cancel] = weft::with_timeout(weft::background(), 3ms);
    const bool done = ctx.is_done();
    EXPECT_FALSE(done && weft::clock::now() - before < 3ms);
    EXPECT_FALSE(ctx.done().recv());
    EXPECT_GE(weft::clock::now() - before, 3ms);
    EXPECT_EQ(ctx.err(), std::errc::timed_out);
    EXPECT_EQ(ctx.err().message(), "context deadline exceeded");
    EXPECT_EQ(ctx.err().category(), weft::context_category());
  };
  in_fiber(check);
  check();
}

TEST_P(context_deadline, in_the_past_ends_it_at_once) {
  auto [ctx, cancel] = weft::with_deadline(weft::background(), weft::clock::now() - 1s);
  EXPECT_EQ(ctx.err(), std::errc::timed_out);
  auto [zero, cancel_zero] = weft::with_timeout(weft::background(), 0s);
  EXPECT_EQ(zero.err(), std::errc::timed_out);
  EXPECT_TRUE(zero.done().closed());
}

TEST_P(context_deadline, never_is_no_deadline) {
  auto [ctx, cancel] = weft::with_deadline(weft::background(), weft::clock::time_point::max());
  EXPECT_FALSE(ctx.deadline());
  auto [far, cancel_far] = weft::with_timeout(weft::background(), std::chrono::hours::max());
  EXPECT_FALSE(far.is_done());
  EXPECT_FALSE(far.deadline());
}

TEST_P(context_deadline, is_the_earliest_of_those_above) {
  const auto soon = weft::clock::now() + 1h;
  const auto late = soon + 1h;
  auto [a, cancel_a] = weft::with_deadline(weft::background(), soon);
  auto [b, cancel_b] = weft::with_deadline(a, late);
  auto [c, cancel_c] = weft::with_cancel(b);
  auto [d, cancel_d] = weft::with_deadline(c, soon - 1min);
  EXPECT_EQ(a.deadline(), soon);
  EXPECT_EQ(b.deadline(), soon);
  EXPECT_EQ(c.deadline(), soon);
  EXPECT_EQ(d.deadline(), soon - 1min);
}

TEST_P(context_deadline, ends_what_is_below_with_the_same_reason) {
  auto [ctx, cancel] = weft::with_timeout(weft::background(), 2ms);
  auto [child, cancel_child] = weft::with_cancel(ctx);
  EXPECT_FALSE(child.done().recv());
  EXPECT_EQ(child.err(), std::errc::timed_out);
}

TEST_P(context_deadline, asks_the_tokens_of_what_is_below) {
  auto [ctx, cancel] = weft::with_timeout(weft::background(), 2ms);
  auto [child, cancel_child] = weft::with_cancel(ctx);
  const std::stop_token token = child.token();
  EXPECT_TRUE(eventually([&] { return token.stop_requested(); }));
  EXPECT_EQ(child.err(), std::errc::timed_out);
}

TEST_P(context_deadline, cancelled_first_stays_cancelled) {
  with_enough_patience([](auto patience) {
    auto [ctx, cancel] = weft::with_timeout(weft::background(), patience);
    cancel();
    const std::error_code first = ctx.err();
    EXPECT_TRUE(first);
    weft::this_fiber::sleep_until(*ctx.deadline() + 2ms);
    EXPECT_EQ(ctx.err(), first);
    return first == std::errc::operation_canceled;
  });
}

TEST_P(context_deadline, cause_is_given_when_the_deadline_was_why) {
  const auto why = std::make_exception_ptr(std::runtime_error("slow"));
  auto [ctx, cancel] = weft::with_timeout_cause(weft::background(), 1ms, why);
  ctx.done().recv();
  EXPECT_THROW(std::rethrow_exception(ctx.cause()), std::runtime_error);
  auto [other, cancel_other] = weft::with_timeout_cause(weft::background(), 1h, why);
  cancel_other();
  EXPECT_THROW(std::rethrow_exception(other.cause()), std::system_error);
}

TEST_P(context_deadline, dropped_early_leaves_nothing) {
  in_fiber([] {
    for (int i = 0; i < scaled(20'000, 2'000); ++i) {
      auto [ctx, cancel] = weft::with_timeout(weft::background(), 1h);
    }
  });
}

TEST_P(context_deadline, races_with_cancel_and_end) {
  auto fibers = spawn_many(8, [](int i) {
    for (int turn = 0; turn < scaled(300, 50); ++turn) {
      auto parent = weft::with_timeout(weft::background(), std::chrono::microseconds(turn % 60));
      auto child = weft::with_timeout(parent.first, std::chrono::microseconds((turn * 7 + i) % 60));
      if (turn % 3 == 0) {
        child.first.done().recv();
      } else if (turn % 3 == 1) {
        parent.second();
        EXPECT_TRUE(child.first.is_done() || eventually([&] { return child.first.is_done(); }));
      }
    }
  });
  join_all(fibers);
}

TEST_P(context_deadline, survives_a_stop_of_the_runtime) {
  auto [ctx, cancel] = weft::with_timeout(weft::background(), 1h);
  auto soon = weft::with_timeout(weft::background(), 1ms);
  weft::stop();
  cancel();
  EXPECT_EQ(ctx.err(), std::errc::operation_canceled);
}

TEST_P(after_done, calls_in_a_fiber_of_its_own) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  weft::chan<weft::fiber_id> called;
  weft::after_done(ctx, [called, ctx = ctx] {
    EXPECT_TRUE(ctx.is_done());
    called.send(weft::this_fiber::get_id());
  });
  in_fiber([&, &cancel = cancel] {
    cancel();
    const auto id = called.recv();
    EXPECT_NE(*id, 0U);
    EXPECT_NE(*id, weft::this_fiber::get_id());
  });
}

TEST_P(after_done, calls_at_once_when_it_is_done_already) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  cancel();
  weft::chan<void> called;
  auto stop = weft::after_done(ctx, [called] { called.close(); });
  called.recv();
  EXPECT_FALSE(stop());
}

TEST_P(after_done, stopped_is_not_called) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  auto held = std::make_shared<int>(0);
  {
    auto stop = weft::after_done(ctx, [held] { ++*held; });
    EXPECT_TRUE(stop.stop());
    EXPECT_FALSE(stop.stop());
  }
  EXPECT_EQ(held.use_count(), 1);
  cancel();
  ASSERT_TRUE(wait_until_idle());
  EXPECT_EQ(*held, 0);
}

TEST_P(after_done, of_the_background_is_never_called) {
  auto held = std::make_shared<int>(0);
  {
    auto stop = weft::after_done(weft::background(), [held] { ++*held; });
    EXPECT_TRUE(stop());
  }
  weft::after_done(weft::background(), [held] { ++*held; });
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(after_done, dropped_stop_takes_nothing_back) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  weft::chan<int> called(3);
  for (int i = 0; i < 3; ++i) {
    weft::after_done(ctx, [called, i] { called.send(i); });
  }
  cancel();
  int sum = 0;
  for (int i = 0; i < 3; ++i) {
    sum += *called.recv();
  }
  EXPECT_EQ(sum, 3);
}

TEST_P(after_done, of_a_child_is_called_when_the_parent_ends) {
  auto [ctx, cancel] = weft::with_timeout(weft::background(), 1ms);
  auto [child, cancel_child] = weft::with_cancel(ctx);
  weft::chan<void> called;
  weft::after_done(child, [called] { called.close(); });
  called.recv();
}

// Each registered call is made once, or taken back once, and not both.
TEST_P(after_done, stop_and_cancel_have_one_winner) {
  for (int round = 0; round < scaled(100, 20); ++round) {
    auto made = weft::with_cancel(weft::background());
    std::atomic<int> calls{0};
    std::atomic<int> stopped{0};
    std::vector<weft::stop_fn> stops;
    for (int i = 0; i < 10; ++i) {
      stops.push_back(weft::after_done(made.first, [&] { ++calls; }));
    }
    auto canceller = weft::spawn([&] { made.second(); });
    auto stopper = weft::spawn([&] {
      for (auto& stop : stops) {
        stopped += stop() ? 1 : 0;
      }
    });
    canceller.join();
    stopper.join();
    ASSERT_TRUE(eventually([&] { return calls + stopped == 10; }));
  }
}

TEST_P(after_done, registered_by_many_under_one_parent_leaves_nothing) {
  in_fiber([] {
    auto [root, cancel] = weft::with_cancel(weft::background());
    for (int i = 0; i < scaled(100'000, 5'000); ++i) {
      auto stop = weft::after_done(root, [] { ADD_FAILURE(); });
      EXPECT_TRUE(stop());
      auto [child, cancel_child] = weft::with_cancel(root);
    }
  });
}

}  // namespace
