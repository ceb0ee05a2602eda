// blocking(): the others run meanwhile, and the call is a plain call otherwise.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>

#include "runtime/scheduler/scheduler.hpp"
#include "support/hog.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/sync.hpp"

namespace {

using weft::detail::sched;
using weft_testing::gate;

class blocking : public weft_testing::on_procs {};
WEFT_ON_PROCS(blocking);

TEST_P(blocking, passes_results_through) {
  run([] {
    int n = 1;
    EXPECT_EQ(weft::blocking([] { return 42; }), 42);
    EXPECT_EQ(&weft::blocking([&]() -> int& { return n; }), &n);
    EXPECT_EQ(*weft::blocking([] { return std::make_unique<int>(7); }), 7);
    static_assert(std::is_void_v<decltype(weft::blocking([] {}))>);
  });
}

TEST_P(blocking, passes_exceptions_through) {
  run([] {
    EXPECT_THROW(weft::blocking([] { throw std::runtime_error("x"); }), std::runtime_error);
    EXPECT_EQ(weft::blocking([] { return 1; }), 1);
  });
}

void let_through(weft::hand_off_p when, int procs) {
  gate g;
  weft::wait_group blocked;
  const int count = 2 * procs + 1;
  for (int i = 0; i < count; ++i) {
    blocked.go([&] { weft::blocking(when, [&] { g.pass(); }); });
  }
  for (int i = 0; i < count; ++i) {
    weft::spawn([&] { g.open(); }).join();
  }
  blocked.wait();
}

TEST_P(blocking, others_run_meanwhile) {
  run([this] { let_through(weft::hand_off_p::after_a_tick, GetParam()); });
}

TEST_P(blocking, at_once_hands_off_before_the_call) {
  run([this] {
    const auto before = sched.counts.detached_at_once.load();
    let_through(weft::hand_off_p::at_once, GetParam());
    EXPECT_EQ(sched.counts.detached_at_once.load() - before,
              static_cast<unsigned>(2 * GetParam() + 1));
  });
}

// sysmon marks an M before it tries to take its P, which may fail.
TEST_P(blocking, at_once_is_no_hog_that_comes_back) {
  run([] {
    weft::detail::current_m()->hog = true;
    weft::blocking(weft::hand_off_p::at_once, [] {});
    weft::this_fiber::yield();
    EXPECT_EQ(sched.hogs, 0);
  });
}

TEST_P(blocking, may_be_nested) {
  run([] {
    gate g;
    auto inner = weft::spawn([&] {
      return weft::blocking([&] {
        weft::blocking([] {});
        weft::blocking(weft::hand_off_p::at_once, [&] { g.pass(); });
        return weft::blocking([] { return 3; });
      });
    });
    weft::spawn([&] { g.open(); }).join();
    EXPECT_EQ(inner.join(), 3);
  });
}

TEST_P(blocking, nested_in_one_that_gave_its_p_away_takes_none_back) {
  run([] {
    weft::blocking(weft::hand_off_p::at_once, [] {
      const auto before = weft::detail::sched.counts.detached_at_once.load();
      weft::blocking([] {});
      EXPECT_EQ(weft::detail::sched.detached, 1);
      weft::blocking(weft::hand_off_p::at_once, [] {});
      EXPECT_EQ(weft::detail::sched.detached, 1);
      EXPECT_EQ(weft::detail::sched.counts.detached_at_once.load(), before);
    });
    EXPECT_EQ(weft::detail::sched.detached, 0);
  });
}

TEST_P(blocking, may_call_weft) {
  run([] {
    weft::chan<int> c;
    gate g;
    auto caller = weft::spawn([&] {
      return weft::blocking([&] {
        const int got = c.recv().value();
        g.pass();
        return got + c.recv().value();
      });
    });
    weft::spawn([&] { c.send(1); }).join();
    weft::spawn([&] { g.open(); }).join();
    c.send(2);
    EXPECT_EQ(caller.join(), 3);
  });
}

TEST_P(blocking, many_short_calls_are_just_calls) {
  run([] {
    long sum = 0;
    for (int i = 0; i < 100'000; ++i) {
      sum += weft::blocking([i] { return i; });
    }
    EXPECT_EQ(sum, 4'999'950'000);
  });
}

TEST(blocking_from_a_thread, just_calls) {
  const auto here = std::this_thread::get_id();
  EXPECT_EQ(weft::blocking([] { return std::this_thread::get_id(); }), here);
  EXPECT_EQ(weft::blocking(weft::hand_off_p::at_once, [] { return std::this_thread::get_id(); }),
            here);
  EXPECT_FALSE(weft::running());
}

}  // namespace
