// this_fiber and fiber_local.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/runtime_fixture.hpp"
#include "weft/fiber_local.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;

class this_fiber : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(this_fiber);

TEST_P(this_fiber, identity_on_a_thread_is_none) {
  EXPECT_FALSE(weft::this_fiber::is_fiber());
  EXPECT_EQ(weft::this_fiber::get_id(), 0U);
  EXPECT_EQ(weft::this_fiber::stack_remaining(), SIZE_MAX);
  weft::this_fiber::set_name("thread");
  weft::this_fiber::yield();
  weft::checkpoint();
}

TEST_P(this_fiber, identity_on_a_fiber_stays_across_yields) {
  weft::spawn([] {
    EXPECT_TRUE(weft::this_fiber::is_fiber());
    const auto id = weft::this_fiber::get_id();
    for (int i = 0; i < 1000; ++i) {
      weft::this_fiber::yield();
      ASSERT_EQ(weft::this_fiber::get_id(), id);
    }
  }).join();
}

[[gnu::noinline]] std::size_t remaining_below() {
  char frame[4096];
  asm volatile("" : : "r"(frame) : "memory");  // all of it is used
  const std::size_t remaining = weft::this_fiber::stack_remaining();
  asm volatile("" : : "r"(frame) : "memory");
  return remaining;
}

TEST_P(this_fiber, stack_remaining_shrinks_with_depth) {
  weft::spawn([] {
    const auto here = weft::this_fiber::stack_remaining();
    EXPECT_LT(here, 256U * 1024);
    EXPECT_GT(here, 200U * 1024);
    EXPECT_LE(remaining_below() + 4096, here);
  }).join();
}

TEST_P(this_fiber, sleep_lasts_at_least_as_long_as_asked) {
  const auto check = [] {
    for (const auto d : {100us, 1000us, 3000us}) {
      const auto begin = weft::clock::now();
      weft::this_fiber::sleep_for(d);
      EXPECT_GE(weft::clock::now() - begin, d);
    }
  };
  weft::spawn(check).join();
  check();
}

TEST_P(this_fiber, sleep_into_the_past_returns) {
  const auto check = [] {
    weft::this_fiber::sleep_for(-1h);
    weft::this_fiber::sleep_for(0ns);
    weft::this_fiber::sleep_until(weft::clock::time_point::min());
    weft::this_fiber::sleep_until(weft::clock::now() - 1s);
    weft::this_fiber::sleep_until(std::chrono::system_clock::now() - 1s);
    weft::this_fiber::sleep_until(std::chrono::steady_clock::now() + 1ms);
    weft::this_fiber::sleep_until(std::chrono::system_clock::now() + 1ms);
  };
  weft::spawn(check).join();
  check();
}

class fiber_local : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(fiber_local);

TEST_P(fiber_local, each_fiber_has_its_own) {
  static weft::fiber_local<int> value([] { return 10; });
  *value = 1;
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 50; ++i) {
    fibers.push_back(weft::spawn([i] {
      EXPECT_EQ(*value, 10);
      *value = i;
      for (int k = 0; k < 10; ++k) {
        weft::this_fiber::yield();
        ASSERT_EQ(*value, i);
      }
    }));
  }
  for (auto& f : fibers) {
    f.join();
  }
  EXPECT_EQ(*value, 1);
}

struct noted {
  explicit noted(std::vector<int>* l, int n) : log(l), number(n) {}
  ~noted() { log->push_back(number); }
  noted(const noted&) = delete;
  std::vector<int>* log;
  int number;
};

TEST_P(fiber_local, values_end_with_the_fiber_in_reverse_order) {
  std::vector<int> log;
  weft::fiber_local<std::unique_ptr<noted>> a([&] { return std::make_unique<noted>(&log, 1); });
  weft::fiber_local<std::unique_ptr<noted>> b([&] { return std::make_unique<noted>(&log, 2); });
  weft::spawn([&] {
    a.get();
    b.get();
  }).join();
  EXPECT_EQ(log, (std::vector<int>{2, 1}));
}

TEST_P(fiber_local, values_end_when_the_fiber_is_unwound) {
  auto counted = std::make_shared<int>(0);
  weft::fiber_local<std::shared_ptr<int>> value([&] { return counted; });
  auto handle = weft::spawn([&] {
    value.get();
    weft::this_fiber::sleep_for(1h);
  });
  ASSERT_TRUE(weft_testing::wait_until_parked(handle.id()));
  weft::stop();
  EXPECT_EQ(counted.use_count(), 1);
}

TEST_P(fiber_local, a_destructor_may_wait_and_touch_others) {
  static weft::fiber_local<int> other;
  struct waiter {
    ~waiter() {
      weft::this_fiber::yield();
      weft::this_fiber::sleep_for(1us);
      ++*other;
    }
  };
  weft::fiber_local<waiter> value;
  weft::spawn([&] { value.get(); }).join();
}

TEST_P(fiber_local, a_destructor_may_wait_while_stop_unwinds) {
  struct sleeper {
    bool* ended;
    ~sleeper() {
      weft::this_fiber::sleep_for(1ms);
      *ended = true;
    }
  };
  bool ended = false;
  weft::fiber_local<std::unique_ptr<sleeper>> value(
      [&] { return std::unique_ptr<sleeper>(new sleeper{&ended}); });
  auto handle = weft::spawn([&] {
    value.get();
    weft::this_fiber::sleep_for(1h);
  });
  ASSERT_TRUE(weft_testing::wait_until_parked(handle.id()));
  weft::stop();
  EXPECT_TRUE(ended);
}

TEST_P(fiber_local, threads_have_their_own) {
  weft::fiber_local<int> value;
  *value = 1;
  auto counted = std::make_shared<int>(0);
  weft::fiber_local<std::shared_ptr<int>> shared([&] { return counted; });
  std::thread([&] {
    EXPECT_EQ(*value, 0);
    EXPECT_EQ(shared->use_count(), 2);
  }).join();
  EXPECT_EQ(counted.use_count(), 1);
  EXPECT_EQ(*value, 1);
}

TEST_P(fiber_local, one_that_is_gone_leaves_values_until_their_fibers_end) {
  auto counted = std::make_shared<int>(0);
  weft_testing::flag made;
  weft_testing::flag gone;
  auto value = std::make_unique<weft::fiber_local<std::shared_ptr<int>>>([&] { return counted; });
  auto handle = weft::spawn([&] {
    value->get();
    made.set();
    gone.wait();
    EXPECT_GE(counted.use_count(), 2);
  });
  made.wait();
  value.reset();
  gone.set();
  handle.join();
  EXPECT_EQ(counted.use_count(), 1);
}

TEST_P(fiber_local, a_maker_that_throws_leaves_none) {
  int calls = 0;
  weft::fiber_local<int> value([&]() -> int {
    if (++calls == 1) {
      throw 1;
    }
    return 5;
  });
  weft::spawn([&] {
    EXPECT_THROW(value.get(), int);
    EXPECT_EQ(*value, 5);
  }).join();
}

}  // namespace
