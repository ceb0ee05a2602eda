#include "weft/error_group.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <system_error>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"

namespace {

using namespace weft_testing;
using weft::detail::wait_reason;

class error_group : public per_procs {};
WEFT_TEST_PER_PROCS(error_group);

TEST_P(error_group, wait_waits_for_all) {
  weft::error_group group;
  std::atomic<int> ran{0};
  for (int i = 0; i < 50; ++i) {
    group.go([&] {
      weft::this_fiber::yield();
      ++ran;
    });
  }
  group.wait();
  EXPECT_EQ(ran, 50);
}

TEST_P(error_group, wait_of_an_empty_one_returns) {
  weft::error_group group;
  group.wait();
  EXPECT_TRUE(group.context().is_done());
}

TEST_P(error_group, first_error_is_rethrown_after_all_have_ended) {
  weft::error_group group;
  std::atomic<int> ended{0};
  const weft::context ctx = group.context();
  group.go([] { throw std::runtime_error("first"); });
  for (int i = 0; i < 5; ++i) {
    group.go([&, ctx] {
      ctx.done().recv();
      ++ended;
      throw std::logic_error("later");
    });
  }
  for (int again = 0; again < 2; ++again) {
    try {
      group.wait();
      ADD_FAILURE() << "did not throw";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "first");
    }
    EXPECT_EQ(ended, 5);
  }
}

TEST_P(error_group, first_error_is_the_cause_in_the_context) {
  weft::error_group group;
  group.go([] { throw std::runtime_error("why"); });
  const weft::context ctx = group.context();
  ctx.done().recv();
  EXPECT_EQ(ctx.err(), std::errc::operation_canceled);
  try {
    std::rethrow_exception(ctx.cause());
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "why");
  }
  EXPECT_THROW(group.wait(), std::runtime_error);
}

TEST_P(error_group, error_code_that_is_set_is_an_error) {
  weft::error_group group;
  group.go([] { return std::error_code(); });
  group.wait();
  weft::error_group failing;
  failing.go([] { return std::make_error_code(std::errc::io_error); });
  try {
    failing.wait();
    ADD_FAILURE() << "did not throw";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::errc::io_error);
  }
}

TEST_P(error_group, context_is_done_when_the_parent_is) {
  auto [parent, cancel] = weft::with_cancel(weft::background());
  weft::error_group group(parent);
  group.go([ctx = group.context()] { ctx.done().recv(); });
  cancel();
  group.wait();
}

TEST_P(error_group, limit_bounds_how_many_run) {
  weft::error_group group;
  group.set_limit(3);
  std::atomic<int> inside{0};
  in_fiber([&] {
    for (int i = 0; i < 30; ++i) {
      group.go([&] {
        EXPECT_LE(++inside, 3);
        weft::this_fiber::yield();
        --inside;
      });
    }
    group.wait();
  });
}

TEST_P(error_group, try_go_fails_at_the_limit) {
  weft::error_group group;
  group.set_limit(1);
  flag may_end;
  auto owned = std::make_unique<int>(1);
  EXPECT_TRUE(group.try_go([&] { may_end.wait(); }));
  auto task = [owned = std::move(owned)] {};
  EXPECT_FALSE(group.try_go(std::move(task)));
  may_end.set();
  group.wait();
  EXPECT_TRUE(group.try_go(std::move(task))) << "it was moved from";
  group.wait();
  group.set_limit(0);
  EXPECT_FALSE(group.try_go([] {}));
  group.set_limit(-1);
  EXPECT_TRUE(group.try_go([] {}));
  group.wait();
}

TEST_P(error_group, limit_cannot_be_changed_while_functions_run) {
  weft::error_group group;
  flag may_end;
  group.go([&] { may_end.wait(); });
  EXPECT_THROW(group.set_limit(2), std::logic_error);
  may_end.set();
  group.wait();
  group.set_limit(2);
}

TEST_P(error_group, destructor_cancels_and_waits) {
  bool ended = false;
  {
    weft::error_group group;
    group.go([&, ctx = group.context()] {
      ctx.done().recv();
      ended = true;
      throw std::runtime_error("dropped");
    });
  }
  EXPECT_TRUE(ended);
}

TEST_P(error_group, functions_may_start_more) {
  weft::error_group group;
  std::atomic<int> ran{0};
  group.go([&] {
    for (int i = 0; i < 4; ++i) {
      group.go([&] { ++ran; });
    }
  });
  group.wait();
  EXPECT_EQ(ran, 4);
}

TEST_P(error_group, function_is_destroyed_before_wait_returns) {
  for (int round = 0; round < scaled(100, 20); ++round) {
    auto held = std::make_shared<int>(1);
    weft::error_group group;
    group.go([held] {});
    group.wait();
    EXPECT_EQ(held.use_count(), 1);
  }
}

TEST_P(error_group, stop_unwinds_the_functions_first) {
  weft::chan<int> never;
  ending of_waiter{};
  std::atomic<int> unwound{0};
  weft::go([&] {
    weft::error_group group;
    for (int i = 0; i < 3; ++i) {
      group.go([&] {
        try {
          never.recv();
        } catch (const weft::unwind&) {
          ++unwound;
          throw;
        }
      });
    }
    note_ending(of_waiter, [&] { group.wait(); });
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::error_group, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 3));
  weft::stop();
  EXPECT_EQ(unwound, 3);
  EXPECT_EQ(of_waiter, ending::returned) << "unwind is not an error";
}

TEST_P(error_group, stop_unwinds_who_waits_for_room) {
  weft::chan<int> never;
  weft::error_group group;
  group.set_limit(1);
  ending of_starter{};
  group.go([&] { never.recv(); });
  weft::go([&] { note_ending(of_starter, [&] { group.go([] {}); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::semaphore, 1));
  weft::stop();
  EXPECT_NE(of_starter, ending::none);
}

}  // namespace
