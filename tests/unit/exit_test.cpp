// The end of a process that has not called stop(): exit() on a plain thread and on a fiber, static
// objects. Each test ends a child; this process never starts the runtime, whose atexit handler a
// child would inherit otherwise.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

#include "support/chan_probe.hpp"
#include "support/child.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::child_result;
using weft_testing::flag;
using weft_testing::run_in_child;

// Says so when it is destroyed.
struct noisy {
  const char* word;
  ~noisy() { std::fputs(word, stderr); }
};

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// A fiber that says "unwound" if it is, and has begun to wait.
void park_noisy_fiber() {
  flag parked;
  weft::go([&] {
    const noisy n{"unwound "};
    parked.set();
    weft::this_fiber::sleep_for(1h);
  });
  parked.wait();
}

TEST(process_exit, unwinds_fibers) {
  const child_result child = run_in_child([] {
    park_noisy_fiber();
    return 3;
  });
  EXPECT_EQ(child.exit_status, 3);
  EXPECT_TRUE(contains(child.errors, "unwound")) << child.errors;
}

TEST(process_exit, on_a_fiber_ends_the_process_and_unwinds_nobody) {
  for (const int procs : {1, 2, 8}) {
    const child_result child = run_in_child([procs] {
      weft::start({.procs = procs});
      std::atexit([] { std::fputs("handled ", stderr); });
      static const noisy object{"destroyed "};
      park_noisy_fiber();
      weft::spawn([] { std::exit(4); }).join();
      return 0;
    });
    EXPECT_EQ(child.exit_status, 4) << "signal " << child.signal;
    EXPECT_TRUE(contains(child.errors, "handled")) << child.errors;
    EXPECT_TRUE(contains(child.errors, "destroyed")) << child.errors;
    EXPECT_FALSE(contains(child.errors, "unwound")) << child.errors;
  }
}

// Those that run go on while the handlers do.
TEST(process_exit, on_a_fiber_beside_busy_ones) {
  const child_result child = run_in_child([] {
    weft::start({.procs = 4});
    const weft::chan<int> numbers(4);
    for (int i = 0; i < 4; ++i) {
      weft::go([=] {
        for (;;) {
          numbers.send(1);
          weft::this_fiber::sleep_for(10us);
        }
      });
    }
    weft::spawn([=] {
      for (int i = 0; i < 100; ++i) {
        numbers.recv();
      }
      std::exit(5);
    }).join();
    return 0;
  });
  EXPECT_EQ(child.exit_status, 5) << "signal " << child.signal;
}

// Made before main, and so gone only after whatever a test makes; this process only destroys them.
weft::chan<int> values(1);
weft::context root;
weft::mutex mutex;
weft::pool<std::string> strings;
weft::fiber<void> handle;

// Uses weft, and those, when it is destroyed.
struct user {
  ~user() {
    const std::scoped_lock hold(mutex);
    const auto [below, cancel] = weft::with_timeout(root, 1ms);
    values.send(1);
    const int sum = *values.recv() + weft::spawn([] { return 4; }).join();
    strings.put("kept");
    const weft::timer alarm(1ms);
    const bool done = !below.done().recv() && alarm.c.recv() && strings.get() == "kept";
    std::fputs(sum == 5 && done ? "used " : "failed ", stderr);
  }
};

TEST(process_exit, static_objects_may_use_weft_while_it_runs) {
  const child_result child = run_in_child([] {
    park_noisy_fiber();
    static const user after;
    return 6;
  });
  EXPECT_EQ(child.exit_status, 6) << "signal " << child.signal;
  EXPECT_TRUE(contains(child.errors, "used unwound")) << child.errors;
}

TEST(process_exit, static_objects_may_start_it_again) {
  const child_result child = run_in_child([] {
    static const user before;
    park_noisy_fiber();
    return 7;
  });
  EXPECT_EQ(child.exit_status, 7) << "signal " << child.signal;
  EXPECT_TRUE(contains(child.errors, "unwound used")) << child.errors;
}

TEST(process_exit, static_handle_made_before_the_start_is_of_an_unwound_fiber) {
  const child_result child = run_in_child([] {
    strings.put("kept");
    root = weft::with_cancel({}).first;
    handle = weft::spawn([] {
      const noisy n{"unwound "};
      strings.put("kept by a P");
      values.recv();
    });
    weft_testing::wait_for_receivers(values);
    return 8;
  });
  EXPECT_EQ(child.exit_status, 8) << "signal " << child.signal;
  EXPECT_TRUE(contains(child.errors, "unwound")) << child.errors;
}

// What does not join, with somebody who waits in it where there can be such.
struct objects {
  weft::chan<int> numbers;
  weft::semaphore permits{0};
  weft::wait_group group;
  weft::pool<std::string> more_strings;
  weft::timer alarm{1h};
  weft::ticker ticks{100us};
  weft::timer call = weft::after_func(1h, [] {});
  std::pair<weft::context, weft::cancel_function> cancelled = weft::with_cancel({});
  std::pair<weft::context, weft::cancel_function> timed = weft::with_timeout(cancelled.first, 1h);

  void use() {
    weft::go([c = numbers] { c.recv(); });
    weft::go([c = alarm.c] { c.recv(); });
    weft::go([c = ticks.c] {
      while (c.recv()) {
      }
    });
    weft::go([done = timed.first.done()] { done.recv(); });
    more_strings.put("kept for all");
    weft::spawn([this] { more_strings.put("kept by a P"); }).join();
  }
};

TEST(process_exit, static_objects_made_after_the_start) {
  const child_result child = run_in_child([] {
    park_noisy_fiber();
    static objects all;
    all.use();
    return 9;
  });
  EXPECT_EQ(child.exit_status, 9) << "signal " << child.signal;
  EXPECT_TRUE(contains(child.errors, "unwound")) << child.errors;
}

// As std::jthread: before the runtime is stopped, so the fiber is not unwound.
TEST(process_exit, static_handle_waits_for_its_fiber) {
  const child_result child = run_in_child([] {
    static const weft::fiber<void> handle = weft::spawn([] {
      const noisy n{"ended "};
      weft::this_fiber::sleep_for(20ms);
      std::fputs("slept ", stderr);
    });
    return 10;
  });
  EXPECT_EQ(child.exit_status, 10) << "signal " << child.signal;
  EXPECT_TRUE(contains(child.errors, "slept ended")) << child.errors;
}

TEST(process_exit, static_error_group_cancels_and_waits) {
  const child_result child = run_in_child([] {
    park_noisy_fiber();
    static weft::error_group group;
    group.go([context = group.context()] {
      context.done().recv();
      weft::this_fiber::sleep_for(5ms);
      std::fputs("cancelled ", stderr);
    });
    return 11;
  });
  EXPECT_EQ(child.exit_status, 11) << "signal " << child.signal;
  EXPECT_TRUE(contains(child.errors, "cancelled unwound")) << child.errors;
}

}  // namespace
