// Two sides of a promise that one thing happens before another, for ThreadSanitizer to look at.
//
// It sees that a promise is broken only if nothing else orders the two sides. So the side that must
// see what the other wrote has been started before that, and then computes: it calls nothing of
// weft but what is tested, whose fast paths take no lock, and marks are relaxed. With one P it is
// the loss of the P that lets the other side run.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "support/chan_probe.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace weft_testing {

// Orders nothing.
class mark {
 public:
  void set() { set_.store(true, std::memory_order_relaxed); }
  bool is_set() const { return set_.load(std::memory_order_relaxed); }
  // Without a call of weft.
  void spin() const {
    while (!is_set()) {
    }
  }
  // Lets others run.
  void wait() const {
    wait_until([this] { return is_set(); });
  }

 private:
  std::atomic<bool> set_{false};
};

// The number of Ps, or `plain_threads`: both sides are such then.
class two_sides : public testing::TestWithParam<int> {
 public:
  static constexpr int plain_threads = 0;
  static std::string name(const testing::TestParamInfo<int>& info) {
    return info.param == plain_threads ? "threads" : procs_name(info);
  }

 protected:
  // A short slice: who computes is soon without its P.
  void SetUp() override {
    weft::start(
        {.procs = threads() ? 2 : GetParam(), .time_slice = std::chrono::microseconds(100)});
  }
  void TearDown() override { weft::stop(); }

  static bool threads() { return GetParam() == plain_threads; }
  static bool one_at_a_time() { return GetParam() == 1; }

  // The second one has begun when the first one does.
  template <class Before, class After>
  static void run(Before before, After after) {
    mark begun;
    const auto first = [&] {
      begun.wait();
      before();
    };
    const auto second = [&] {
      begun.set();
      after();
    };
    if (threads()) {
      const std::jthread a(second);
      const std::jthread b(first);
    } else {
      const weft::fiber<void> a = weft::spawn(second);
      const weft::fiber<void> b = weft::spawn(first);
    }
  }

  // Until somebody waits in the kind of thing that is tested.
  static void wait_for_waiter(weft::detail::wait_reason reason) {
    EXPECT_TRUE(threads() ? wait_until_threads_waiting(1) : wait_until_waiting(reason, 1));
  }

  // With one P each round waits for sysmon.
  static int rounds() { return one_at_a_time() ? 5 : 10; }
};

}  // namespace weft_testing

#define WEFT_TEST_TWO_SIDES(suite) \
  INSTANTIATE_TEST_SUITE_P(, suite, testing::Values(suite::plain_threads, 1, 2, 4, 8), suite::name)
