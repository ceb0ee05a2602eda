// after_func, and what timers of all kinds leave behind.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <memory>
#include <optional>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"
#include "weft/time.hpp"

namespace {

using namespace std::chrono_literals;
using weft::chan;
using weft_testing::wait_until;

class after_func : public weft_testing::on_procs {};
WEFT_ON_PROCS(after_func);

// after_func -----------------------------------------------------------------------------------

TEST_P(after_func, calls_in_a_fiber_of_its_own) {
  run([] {
    chan<weft::fiber_id> called;
    const auto begin = weft::clock::now();
    auto t = weft::after_func(2ms, [called] { called.send(weft::this_fiber::get_id()); });
    const auto id = *called.recv();
    EXPECT_GE(weft::clock::now() - begin, 2ms);
    EXPECT_NE(id, 0u);
    EXPECT_NE(id, weft::this_fiber::get_id());
    EXPECT_FALSE(t.stop());
    EXPECT_EQ(t.c, weft::nil);
  });
}

TEST_P(after_func, stopped_after_func_does_not_call) {
  run([] {
    std::atomic<int> calls = 0;
    weft_testing::with_enough_patience([&](auto patience) {
      calls = 0;
      auto t = weft::after_func(patience, [&] { ++calls; });
      const bool stopped = t.stop();
      EXPECT_FALSE(t.stop());
      weft::after(patience + 2ms).recv();
      if (stopped) {
        EXPECT_EQ(calls, 0);
      } else {
        wait_until([&] { return calls == 1; });
      }
      return stopped;
    });
  });
}

TEST_P(after_func, is_called_though_its_handle_is_gone) {
  run([] {
    chan<void> called;
    weft::after_func(1ms, [called] { called.send(); });
    EXPECT_TRUE(called.recv());
  });
}

TEST_P(after_func, reset_calls_again) {
  run([] {
    chan<int> called;
    auto t = weft::after_func(1us, [called, n = 0]() mutable { called.send(++n); });
    EXPECT_EQ(called.recv(), 1);
    EXPECT_FALSE(t.reset(1us));
    EXPECT_EQ(called.recv(), 2);
    t.reset(1h);
    EXPECT_TRUE(t.reset(1us));
    EXPECT_EQ(called.recv(), 3);
  });
}

TEST_P(after_func, may_wait_and_may_stop_itself) {
  run([] {
    chan<bool> stopped;
    std::optional<weft::timer> t;
    chan<void> go;
    t.emplace(weft::after_func(1us, [&] {
      go.recv();
      stopped.send(t->stop());
    }));
    go.send();
    EXPECT_EQ(stopped.recv(), false);
  });
}

TEST_P(after_func, closure_lives_as_long_as_it_is_needed) {
  auto kept = std::make_shared<int>(1);
  run([&] {
    {
      auto t = weft::after_func(1h, [kept] {});
      EXPECT_TRUE(t.stop());
      EXPECT_EQ(kept.use_count(), 2);
    }
    EXPECT_EQ(kept.use_count(), 1);
    chan<void> called;
    weft::after_func(1us, [kept, called] { called.send(); });
    called.recv();
    wait_until([&] { return kept.use_count() == 1; });
    {
      auto t = weft::after_func(weft::duration::max(), [kept] {});
    }
    EXPECT_EQ(kept.use_count(), 1);
  });
}

TEST_P(after_func, takes_move_only_closures) {
  run([] {
    chan<int> called;
    weft::after_func(1us, [called, n = std::make_unique<int>(6)] { called.send(*n); });
    EXPECT_EQ(called.recv(), 6);
  });
}

TEST_P(after_func, stop_decides_against_the_call) {
  run([] {
    std::atomic<int> calls = 0;
    int stopped = 0;
    constexpr int rounds = 300;
    for (int i = 0; i < rounds; ++i) {
      auto t = weft::after_func(std::chrono::microseconds(i % 10), [&] { ++calls; });
      for (int spin = 0; spin < i % 30; ++spin) {
        weft::this_fiber::yield();
      }
      stopped += t.stop();
    }
    wait_until([&] { return calls + stopped == rounds; });
  });
}

// Memory ---------------------------------------------------------------------------------------

// Sanitizers have an allocator of their own.
#if !defined(WEFT_SANITIZE_ADDRESS) && !defined(WEFT_SANITIZE_THREAD)
std::size_t heap_in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST_P(after_func, dropped_timers_do_not_hold_memory) {
  run([] {
    const auto use = [] {
      for (int i = 0; i < 100'000; ++i) {
        auto a = weft::after(1h);
        weft::timer t(2h);
        if (i % 2 == 0) {
          t.stop();
        }
        auto f = weft::after_func(3h, [] {});
        f.stop();
      }
    };
    const std::size_t before = heap_in_use();
    use();
    EXPECT_LT(heap_in_use(), before + (std::size_t{2} << 20));
  });
}

TEST_P(after_func, timers_that_are_reset_do_not_hold_memory) {
  run([] {
    weft::timer t(1h);
    const std::size_t before = heap_in_use();
    for (int i = 0; i < 200'000; ++i) {
      t.reset(std::chrono::hours(1) - std::chrono::milliseconds(i));
    }
    EXPECT_LT(heap_in_use(), before + (std::size_t{2} << 20));
  });
}

TEST_P(after_func, selects_with_deadlines_do_not_hold_memory) {
  run([] {
    chan<int> a(1), b;
    const std::size_t before = heap_in_use();
    auto f = weft::spawn([&] {
      for (int i = 0; i < 50'000; ++i) {
        b.send(1);
      }
    });
    for (int i = 0; i < 50'000; ++i) {
      weft::select(recv(a), recv(b), weft::after(1h, [] {}));
    }
    f.join();
    EXPECT_LT(heap_in_use(), before + (std::size_t{2} << 20));
  });
}
#endif

// Stop -----------------------------------------------------------------------------------------

TEST_P(after_func, stop_with_pending_timers) {
  auto kept = std::make_shared<int>(1);
  std::optional<weft::timer> chan_timer, call_timer;
  run([&] {
    chan_timer.emplace(1h);
    call_timer.emplace(weft::after_func(1h, [kept] { FAIL(); }));
    weft::go([] { weft::after(1h).recv(); });
    weft::go([] {
      for ([[maybe_unused]] auto now : weft::ticker(1h).c) {
      }
    });
    weft::this_fiber::yield();
  });
  chan_timer.reset();
  call_timer.reset();
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_P(after_func, timers_that_outlive_the_runtime_work_in_the_next) {
  std::optional<weft::timer> t;
  run([&] { t.emplace(1h); });
  run([&] {
    t->reset(1us);
    EXPECT_TRUE(t->c.recv().has_value());
  });
}

}  // namespace
