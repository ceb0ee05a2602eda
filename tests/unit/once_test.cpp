#include "weft/once.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"

namespace {

using namespace weft_testing;
using weft::detail::wait_reason;

class once : public per_procs {};
WEFT_TEST_PER_PROCS(once);

TEST_P(once, runs_the_function_once_and_all_see_what_it_did) {
  for (int round = 0; round < scaled(100, 20); ++round) {
    weft::once o;
    int value = 0;
    const auto use = [&](int) {
      o.call([&] {
        weft::this_fiber::yield();
        ++value;
      });
      EXPECT_EQ(value, 1);
    };
    auto fibers = spawn_many(8, use);
    thread_many(round < 5 ? 2 : 0, use);
    join_all(fibers);
    EXPECT_TRUE(o.called());
  }
}

TEST_P(once, passes_arguments) {
  weft::once o;
  std::string got;
  o.call([&](std::unique_ptr<int> a, const char* b) { got = std::to_string(*a) + b; },
         std::make_unique<int>(4), "x");
  EXPECT_EQ(got, "4x");
}

TEST_P(once, exception_leaves_it_unset) {
  in_fiber([] {
    weft::once o;
    EXPECT_THROW(o.call([] { throw std::runtime_error("first"); }), std::runtime_error);
    EXPECT_FALSE(o.called());
    int ran = 0;
    o.call([&] { ++ran; });
    o.call([&] { ++ran; });
    EXPECT_EQ(ran, 1);
  });
}

TEST_P(once, next_in_line_tries_when_the_first_throws) {
  weft::once o;
  flag running;
  flag may_throw;
  std::vector<int> tried;
  auto first = weft::spawn([&] {
    o.call([&] {
      tried.push_back(0);
      running.set();
      may_throw.wait();
      throw 1;
    });
  });
  std::vector<weft::fiber<void>> rest;
  running.wait();
  for (int i = 1; i <= 3; ++i) {
    rest.push_back(weft::spawn([&, i] {
      o.call([&] {
        tried.push_back(i);
        if (i == 1) {
          throw 2;
        }
      });
    }));
    ASSERT_TRUE(wait_until_waiting(wait_reason::once, i));
  }
  may_throw.set();
  EXPECT_THROW(first.join(), int);
  EXPECT_THROW(rest[0].join(), int);
  rest[1].join();
  rest[2].join();
  EXPECT_EQ(tried, (std::vector<int>{0, 1, 2}));
}

TEST_P(once, stop_unwinds_the_runner_and_who_waits) {
  weft::once o;
  weft::chan<int> never;
  ending of_runner{};
  ending of_waiter{};
  weft::go([&] { note_ending(of_runner, [&] { o.call([&] { never.recv(); }); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  weft::go([&] { note_ending(of_waiter, [&] { o.call([&] { never.recv(); }); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::once, 1));
  weft::stop();
  EXPECT_EQ(of_runner, ending::unwound);
  EXPECT_EQ(of_waiter, ending::unwound);
  EXPECT_FALSE(o.called());
  o.call([] {});
  EXPECT_TRUE(o.called());
}

TEST_P(once, value_is_made_at_the_first_use_and_kept) {
  int made = 0;
  auto value = weft::once_value([&] { return std::string("x") + std::to_string(++made); });
  EXPECT_EQ(made, 0);
  const std::function<const std::string&()> copy = value;
  auto fibers = spawn_many(8, [&](int) {
    EXPECT_EQ(value(), "x1");
    EXPECT_EQ(copy(), "x1");
  });
  join_all(fibers);
  EXPECT_EQ(&value(), &copy());
  EXPECT_EQ(made, 1);
}

TEST_P(once, value_rethrows_the_same_exception) {
  int calls = 0;
  auto value = weft::once_value([&]() -> int {
    ++calls;
    throw std::runtime_error("broken");
  });
  const std::exception* first = nullptr;
  for (int i = 0; i < 3; ++i) {
    try {
      value();
      ADD_FAILURE() << "did not throw";
    } catch (const std::exception& e) {
      EXPECT_TRUE(first == nullptr || first == &e);
      first = &e;
    }
  }
  EXPECT_EQ(calls, 1);
}

TEST_P(once, value_may_be_void_or_a_reference) {
  int n = 0;
  auto act = weft::once_value([&] { ++n; });
  act();
  act();
  EXPECT_EQ(n, 1);
  auto ref = weft::once_value([&]() -> int& { return n; });
  ref() = 5;
  EXPECT_EQ(n, 5);
}

TEST_P(once, value_destroys_the_function_after_use) {
  auto held = std::make_shared<int>(1);
  auto value = weft::once_value([held] { return *held; });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_EQ(value(), 1);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
