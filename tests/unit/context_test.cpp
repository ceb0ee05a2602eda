#include "weft/context.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "support/sync_support.hpp"
#include "weft/debug.hpp"
#include "weft/select.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;

class context : public per_procs {};
WEFT_TEST_PER_PROCS(context);

struct user_key {
  using value_type = std::string;
};
struct other_key {
  using value_type = std::string;
};
struct owned_key {
  using value_type = std::unique_ptr<int>;
};

TEST_P(context, background_is_never_done) {
  for (const weft::context& c : {weft::background(), weft::todo(), weft::context()}) {
    EXPECT_FALSE(c.is_done());
    EXPECT_FALSE(c.err());
    EXPECT_EQ(c.cause(), nullptr);
    EXPECT_FALSE(c.deadline());
    EXPECT_EQ(c.value<user_key>(), nullptr);
    EXPECT_FALSE(c.token().stop_possible());
    EXPECT_TRUE(c.done() == weft::nil);
  }
}

TEST_P(context, cancel_closes_done_and_says_why) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  const auto done = ctx.done();
  EXPECT_FALSE(ctx.is_done());
  EXPECT_FALSE(done.closed());
  cancel();
  EXPECT_TRUE(ctx.is_done());
  EXPECT_TRUE(done.closed());
  EXPECT_TRUE(ctx.done() == done);
  EXPECT_EQ(ctx.err(), std::errc::operation_canceled);
  EXPECT_NE(ctx.err(), std::errc::timed_out);
  EXPECT_EQ(ctx.err().message(), "context canceled");
  cancel();
  EXPECT_EQ(ctx.err(), std::errc::operation_canceled);
}

TEST_P(context, done_asked_for_afterwards_is_closed) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  cancel();
  EXPECT_TRUE(ctx.done().closed());
}

TEST_P(context, cancel_wakes_those_who_wait) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  auto fibers = spawn_many(4, [ctx = ctx](int i) {
    if (i % 2 == 0) {
      EXPECT_FALSE(ctx.done().recv());
    } else {
      weft::select(recv(ctx.done(), [] {}), weft::after(1h, [] { ADD_FAILURE(); }));
    }
  });
  auto threads = thread_many(1, [ctx = ctx](int) { ctx.done().recv(); });
  ASSERT_TRUE(wait_until_waiting(weft::detail::wait_reason::chan_recv, 2));
  ASSERT_TRUE(wait_until_threads_waiting(1));
  cancel();
  join_all(fibers);
}

TEST_P(context, end_of_the_cancel_function_cancels) {
  weft::context ctx;
  {
    auto made = weft::with_cancel(weft::background());
    ctx = made.first;
    weft::cancel_function moved = std::move(made.second);
    made.second();
    EXPECT_FALSE(ctx.is_done()) << "it was moved from";
  }
  EXPECT_TRUE(ctx.is_done());
}

TEST_P(context, assigned_cancel_function_cancels_what_it_had) {
  auto [a, cancel_a] = weft::with_cancel(weft::background());
  auto [b, cancel_b] = weft::with_cancel(weft::background());
  cancel_a = std::move(cancel_b);
  EXPECT_TRUE(a.is_done());
  EXPECT_FALSE(b.is_done());
  weft::cancel_function none;
  none();
}

TEST_P(context, parent_cancels_children_but_not_the_other_way) {
  auto [top, cancel_top] = weft::with_cancel(weft::background());
  auto [mid, cancel_mid] = weft::with_cancel(top);
  auto [low, cancel_low] = weft::with_cancel(weft::with_value(mid, user_key{}, "x"));
  auto [side, cancel_side] = weft::with_cancel(top);
  cancel_mid();
  EXPECT_FALSE(top.is_done());
  EXPECT_FALSE(side.is_done());
  EXPECT_TRUE(mid.is_done());
  EXPECT_TRUE(low.is_done());
  cancel_top();
  EXPECT_TRUE(side.is_done());
}

TEST_P(context, child_of_a_done_one_is_done) {
  auto [ctx, cancel] = weft::with_cancel_cause(weft::background());
  cancel(std::make_exception_ptr(1));
  auto [child, cancel_child] = weft::with_cancel(ctx);
  EXPECT_EQ(child.err(), std::errc::operation_canceled);
  EXPECT_THROW(std::rethrow_exception(child.cause()), int);
  auto [timed, cancel_timed] = weft::with_timeout(ctx, 1h);
  EXPECT_EQ(timed.err(), std::errc::operation_canceled);
}

TEST_P(context, cause_is_what_it_was_cancelled_with_here_or_above) {
  auto [ctx, cancel] = weft::with_cancel_cause(weft::background());
  auto [child, cancel_child] = weft::with_cancel(ctx);
  EXPECT_EQ(child.cause(), nullptr);
  cancel(std::make_exception_ptr(std::runtime_error("why")));
  cancel(std::make_exception_ptr(std::runtime_error("too late")));
  for (const auto& c : {ctx, child}) {
    try {
      std::rethrow_exception(c.cause());
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "why");
    }
    EXPECT_EQ(c.err(), std::errc::operation_canceled);
  }
}

TEST_P(context, cause_is_the_error_where_none_was_given) {
  auto [ctx, cancel] = weft::with_cancel_cause(weft::background());
  cancel();
  try {
    std::rethrow_exception(ctx.cause());
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), ctx.err());
  }
}

TEST_P(context, deep_trees_are_cancelled_and_freed_without_recursion) {
  const int depth = scaled(100'000, 5'000);
  in_fiber([&] {
    std::vector<weft::cancel_function> cancels;
    auto [root, cancel] = weft::with_cancel(weft::background());
    weft::context at = root;
    for (int i = 0; i < depth; ++i) {
      auto [child, cancel_child] = weft::with_cancel(at);
      cancels.push_back(std::move(cancel_child));
      at = child;
    }
    cancel();
    EXPECT_TRUE(at.is_done());
    cancels.clear();
  });
}

TEST_P(context, wide_trees_are_cancelled) {
  const int count = scaled(100'000, 5'000);
  in_fiber([&] {
    auto [root, cancel] = weft::with_cancel(weft::background());
    std::vector<std::pair<weft::context, weft::cancel_function>> children;
    for (int i = 0; i < count; ++i) {
      children.push_back(weft::with_cancel(root));
    }
    for (int i = 0; i < count; i += 2) {
      children[static_cast<std::size_t>(i)].second();
    }
    cancel();
    for (const auto& [child, unused] : children) {
      EXPECT_TRUE(child.is_done());
    }
  });
}

TEST_P(context, values_are_found_from_the_nearest) {
  const weft::context a = weft::with_value(weft::background(), user_key{}, "gopher");
  auto [b, cancel] = weft::with_cancel(a);
  const weft::context c = weft::with_value(b, other_key{}, std::string("other"));
  const weft::context d = weft::with_value(c, user_key{}, "shadow");
  const weft::context e = weft::with_value(d, owned_key{}, std::make_unique<int>(4));
  EXPECT_EQ(*a.value<user_key>(), "gopher");
  EXPECT_EQ(a.value<other_key>(), nullptr);
  EXPECT_EQ(*c.value<user_key>(), "gopher");
  EXPECT_EQ(*e.value<user_key>(), "shadow");
  EXPECT_EQ(*e.value<other_key>(), "other");
  EXPECT_EQ(**e.value<owned_key>(), 4);
  cancel();
  EXPECT_TRUE(e.is_done());
}

TEST_P(context, without_cancel_keeps_values_only) {
  auto [ctx, cancel] =
      weft::with_timeout(weft::with_value(weft::background(), user_key{}, "v"), 1h);
  const weft::context free = weft::without_cancel(ctx);
  auto [child, cancel_child] = weft::with_cancel(free);
  cancel();
  EXPECT_FALSE(free.is_done());
  EXPECT_FALSE(child.is_done());
  EXPECT_FALSE(free.deadline());
  EXPECT_TRUE(free.done() == weft::nil);
  EXPECT_EQ(*child.value<user_key>(), "v");
}

TEST_P(context, token_is_asked_to_stop) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  const std::stop_token token = ctx.token();
  EXPECT_TRUE(token.stop_possible());
  EXPECT_TRUE(token == ctx.token());
  int called = 0;
  const std::stop_callback callback(token, [&] { ++called; });
  cancel();
  EXPECT_TRUE(token.stop_requested());
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(ctx.token().stop_requested());
  auto [late, cancel_late] = weft::with_cancel(ctx);
  EXPECT_TRUE(late.token().stop_requested());
}

TEST_P(context, token_of_a_child_is_asked_when_the_parent_is_cancelled) {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  auto [child, cancel_child] = weft::with_cancel(ctx);
  auto [sibling, cancel_sibling] = weft::with_cancel(ctx);
  const std::stop_token token = child.token();
  int called = 0;
  const std::stop_callback callback(token, [&] { ++called; });
  cancel_sibling();
  EXPECT_FALSE(token.stop_requested());
  cancel();
  EXPECT_TRUE(token.stop_requested());
  EXPECT_EQ(called, 1);
}

std::size_t fibers_there_are() {
  const auto fibers = weft::snapshot().fibers;
  return fibers.runnable + fibers.running + fibers.waiting + fibers.ended;
}

TEST_P(context, takes_no_fiber) {
  const std::size_t before = fibers_there_are();
  auto [root, cancel_root] = weft::with_cancel(weft::background());
  std::vector<std::pair<weft::context, weft::cancel_function>> all;
  std::vector<std::stop_token> tokens;
  for (int i = 0; i < 100; ++i) {
    all.push_back(weft::with_cancel(root));
    all.push_back(weft::with_timeout(all.back().first, std::chrono::hours(1)));
    const weft::context named = weft::with_value(all.back().first, user_key{}, "u");
    tokens.push_back(named.token());
    EXPECT_FALSE(named.done().closed());
  }
  EXPECT_EQ(fibers_there_are(), before);
  cancel_root();
  EXPECT_EQ(fibers_there_are(), before);
  for (const std::stop_token& token : tokens) {
    EXPECT_TRUE(token.stop_requested());
  }
}

TEST_P(context, many_may_cancel_and_look_at_once) {
  for (int round = 0; round < scaled(100, 20); ++round) {
    auto made = weft::with_cancel(weft::background());
    auto fibers = spawn_many(8, [&made, ctx = made.first](int i) {
      if (i % 4 == 0) {
        made.second();
      } else if (i % 4 == 1) {
        auto child = weft::with_cancel(ctx);
        EXPECT_FALSE(child.first.done().recv());
      } else if (i % 4 == 2) {
        EXPECT_FALSE(ctx.done().recv());
        EXPECT_EQ(ctx.err(), std::errc::operation_canceled);
      } else {
        static_cast<void>(ctx.token());
      }
    });
    join_all(fibers);
  }
}

}  // namespace
