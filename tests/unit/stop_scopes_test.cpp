// stop() while destructors of weft's own types are at work at the normal end of a scope, where an
// exception would be std::terminate(); and loops that never wait.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"
#include "weft/context.hpp"
#include "weft/error_group.hpp"
#include "weft/latch.hpp"
#include "weft/mutex.hpp"
#include "weft/shared_mutex.hpp"
#include "weft/time.hpp"
#include "weft/wait_group.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;
using weft::detail::wait_reason;

template <class F>
struct at_end {
  F f;
  ~at_end() { f(); }
};
template <class F>
at_end(F) -> at_end<F>;

class stop_scopes : public per_procs {};
WEFT_TEST_PER_PROCS(stop_scopes);

// Runs `scope` as a fiber, stops the runtime as soon as a fiber waits for `reason`, and says
// whether the scope was left by its end.
template <class F>
bool left_normally(wait_reason reason, F scope) {
  std::atomic<bool> normally{false};
  weft::go([&] {
    scope();
    normally = true;
  });
  EXPECT_TRUE(wait_until_waiting(reason, 1));
  weft::stop();
  return normally;
}

TEST_P(stop_scopes, handle_of_a_fiber_waits_for_its_end) {
  EXPECT_TRUE(left_normally(wait_reason::join, [] {
    auto handle = weft::spawn([] { weft::this_fiber::sleep_for(1h); });
  }));
}

TEST_P(stop_scopes, vector_of_handles_waits_for_all) {
  EXPECT_TRUE(left_normally(wait_reason::join, [] {
    const auto handles = spawn_many(20, [](int) { weft::chan<int>().recv(); });
  }));
}

TEST_P(stop_scopes, error_group_waits_for_its_members) {
  EXPECT_TRUE(left_normally(wait_reason::error_group, [] {
    const std::string shared(100, 'x');
    weft::error_group group;
    for (int i = 0; i < 5; ++i) {
      group.go([&] {
        const at_end look{[&] { EXPECT_EQ(shared.size(), 100u); }};
        weft::this_fiber::sleep_for(1h);
      });
    }
  }));
}

TEST_P(stop_scopes, destructor_that_waits_for_a_group_is_let) {
  EXPECT_TRUE(left_normally(wait_reason::wait_group, [] {
    weft::wait_group group;
    const at_end wait{[&] { group.wait(); }};
    for (int i = 0; i < 5; ++i) {
      group.go([] { weft::this_fiber::sleep_for(1h); });
    }
  }));
}

TEST_P(stop_scopes, destructor_that_waits_for_a_latch_is_let) {
  weft::latch latch(1);
  weft::go([&] {
    const at_end count{[&] { latch.count_down(); }};
    weft::this_fiber::sleep_for(1h);
  });
  EXPECT_TRUE(left_normally(wait_reason::latch, [&] { const at_end wait{[&] { latch.wait(); }}; }));
}

TEST_P(stop_scopes, destructor_that_locks_gets_the_mutex) {
  weft::mutex m;
  int guarded = 0;
  weft::go([&] {
    const std::scoped_lock hold(m);
    ++guarded;
    weft::this_fiber::sleep_for(1h);
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::sleep, 1));
  EXPECT_TRUE(left_normally(wait_reason::mutex, [&] {
    const at_end lock{[&] {
      const std::scoped_lock hold(m);
      ++guarded;
    }};
  }));
  EXPECT_EQ(guarded, 2);
}

TEST_P(stop_scopes, destructor_that_locks_shared_gets_the_mutex) {
  weft::shared_mutex m;
  weft::go([&] {
    const std::scoped_lock hold(m);
    weft::this_fiber::sleep_for(1h);
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::sleep, 1));
  EXPECT_TRUE(left_normally(wait_reason::shared_mutex,
                            [&] { const at_end lock{[&] { const std::shared_lock hold(m); }}; }));
}

TEST_P(stop_scopes, wait_that_is_no_patient_one_can_be_caught) {
  EXPECT_TRUE(left_normally(wait_reason::chan_recv, [] {
    const at_end wait{[] {
      try {
        weft::chan<int>().recv();
        ADD_FAILURE() << "received";
      } catch (const weft::unwind&) {
      }
    }};
  }));
}

TEST_P(stop_scopes, patient_wait_that_cannot_end_can_be_caught) {
  weft::wait_group group;
  group.add(1);
  EXPECT_TRUE(left_normally(wait_reason::wait_group, [&] {
    const at_end wait{[&] {
      try {
        group.wait();
        ADD_FAILURE() << "came back";
      } catch (const weft::unwind&) {
      }
    }};
  }));
}

// None of these waits; all have somebody at the other end.
TEST_P(stop_scopes, whoever_does_not_wait_is_safe_while_stop_is_at_work) {
  std::atomic<int> left{0};
  std::atomic<int> cancelled{0};
  flag ready;
  weft::mutex m;
  for (int i = 0; i < 4; ++i) {
    weft::go([&] {
      {
        auto [ctx, cancel] = weft::with_timeout(weft::background(), 1h);
        const auto call = weft::after_done(ctx, [&] { ++cancelled; });
        const weft::timer alarm(1h);
        const weft::timer soon(50us);
        const weft::ticker ticks(20us);
        const weft::timer calls = weft::after_func(1h, [] {});
        const weft::chan<int> c(1);
        weft::go([ctx = ctx] { ctx.done().recv(); });
        weft::go([alarm] { alarm.c.recv(); });
        weft::go([c] { c.recv(); });
        const std::unique_lock hold(m, std::try_to_lock);
        weft::go([&m] { const std::scoped_lock next(m); });
        ready.set();
        while (!weft::stopping()) {
          weft::this_fiber::yield();
        }
      }
      ++left;
    });
  }
  ready.wait();
  weft::stop();
  EXPECT_EQ(left, 4);
  EXPECT_GE(cancelled, 0);
}

TEST_P(stop_scopes, loops_that_look_at_stopping_end) {
  std::atomic<int> ended{0};
  flag running;
  EXPECT_FALSE(weft::stopping());
  weft::go([&] {
    running.set();
    while (!weft::stopping()) {
      weft::checkpoint();
    }
    EXPECT_TRUE(weft::running());
    ++ended;
  });
  weft::go([&] {
    while (!weft::stopping()) {
      weft::this_fiber::yield();
    }
    ++ended;
  });
  running.wait();
  weft::stop();
  EXPECT_EQ(ended, 2);
  EXPECT_FALSE(weft::stopping());
  EXPECT_FALSE(weft::running());
}

TEST_P(stop_scopes, loops_that_look_at_a_context_end_if_it_is_cancelled_first) {
  std::atomic<int> ended{0};
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  for (int i = 0; i < 3; ++i) {
    weft::go([&ended, ctx = ctx, i] {
      while (!ctx.err()) {
        i == 0 ? weft::checkpoint() : weft::this_fiber::yield();
      }
      ++ended;
    });
  }
  cancel();
  weft::stop();
  EXPECT_EQ(ended, 3);
}

}  // namespace
