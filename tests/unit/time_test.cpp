// after, timer, ticker.
#include "weft/time.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"

namespace {

using namespace std::chrono_literals;
using weft::chan;
using weft::recv_status;
using weft_testing::wait_for_receivers;
using weft_testing::wait_until;

class time_of : public weft_testing::on_procs {};
WEFT_ON_PROCS(time_of);

// after ----------------------------------------------------------------------------------------

TEST_P(time_of, after_fires_once_and_not_early) {
  run([] {
    const auto begin = weft::clock::now();
    auto c = weft::after(3ms);
    const auto fired = c.recv();
    ASSERT_TRUE(fired.has_value());
    EXPECT_GE(*fired - begin, 3ms);
    EXPECT_GE(weft::clock::now(), *fired);
    weft::clock::time_point again;
    EXPECT_EQ(c.try_recv(again), recv_status::empty);
  });
}

TEST_P(time_of, after_fires_without_anybody_waiting) {
  run([] {
    auto c = weft::after(1ms);
    wait_until([&] { return c.size() == 1; });
    EXPECT_TRUE(c.recv().has_value());
  });
}

TEST_P(time_of, after_of_nothing_is_there_at_once) {
  run([] {
    weft::clock::time_point t;
    EXPECT_EQ(weft::after(0s).try_recv(t), recv_status::ok);
    EXPECT_EQ(weft::after(-1h).try_recv(t), recv_status::ok);
    EXPECT_EQ(weft::after(weft::duration::min()).try_recv(t), recv_status::ok);
  });
}

TEST_P(time_of, after_for_ever_does_not_fire) {
  run([] {
    auto c = weft::after(weft::duration::max());
    EXPECT_EQ(weft::select(recv(c), weft::after(1ms, [] {})), 1u);
  });
}

TEST_P(time_of, earlier_timers_fire_first) {
  run([] {
    auto late = weft::after(1h), early = weft::after(1ms);
    EXPECT_EQ(weft::select(recv(late), recv(early)), 1u);
  });
}

TEST_P(time_of, many_timers_all_fire) {
  run([] {
    std::vector<weft::receiver<weft::clock::time_point>> timers;
    for (int i = 0; i < 500; ++i) {
      timers.push_back(weft::after(std::chrono::microseconds(i * 37 % 1000)));
    }
    for (auto& t : timers) {
      EXPECT_TRUE(t.recv().has_value());
    }
  });
}

TEST_P(time_of, after_as_a_case_of_select) {
  run([] {
    chan<int> never;
    EXPECT_EQ(weft::select(recv(never), recv(weft::after(1ms))), 1u);
  });
}

TEST(time_of_threads, plain_thread_receives_the_time) {
  const auto begin = weft::clock::now();
  const auto fired = weft::after(2ms).recv();
  EXPECT_GE(*fired - begin, 2ms);
  weft::stop();
}

// timer ----------------------------------------------------------------------------------------

TEST_P(time_of, timer_fires) {
  run([] {
    const auto begin = weft::clock::now();
    weft::timer t(2ms);
    EXPECT_GE(*t.c.recv() - begin, 2ms);
    EXPECT_FALSE(t.stop());
  });
}

TEST_P(time_of, stopped_timer_does_not_fire) {
  run([] {
    weft::timer t(2ms);
    EXPECT_TRUE(t.stop());
    EXPECT_FALSE(t.stop());
    weft::after(4ms).recv();
    weft::clock::time_point v;
    EXPECT_EQ(t.c.try_recv(v), recv_status::empty);
  });
}

TEST_P(time_of, stop_takes_back_a_value_that_nobody_received) {
  run([] {
    weft::timer t(1us);
    wait_until([&] { return t.c.size() == 1; });
    EXPECT_TRUE(t.stop());
    weft::clock::time_point v;
    EXPECT_EQ(t.c.try_recv(v), recv_status::empty);
    EXPECT_FALSE(t.stop());
  });
}

TEST_P(time_of, reset_takes_back_a_value_that_nobody_received) {
  run([] {
    weft::timer t(1us);
    wait_until([&] { return t.c.size() == 1; });
    EXPECT_TRUE(t.reset(1h));
    weft::clock::time_point v;
    EXPECT_EQ(t.c.try_recv(v), recv_status::empty);
  });
}

TEST_P(time_of, reset_moves_the_time_either_way) {
  run([] {
    weft::timer t(1h);
    const auto begin = weft::clock::now();
    EXPECT_TRUE(t.reset(2ms));
    EXPECT_GE(*t.c.recv() - begin, 2ms);
    EXPECT_FALSE(t.reset(1ms));
    const auto again = weft::clock::now();
    EXPECT_TRUE(t.reset(3ms));
    EXPECT_GE(*t.c.recv() - again, 3ms);
  });
}

TEST_P(time_of, reset_to_nothing_fires_at_once) {
  run([] {
    weft::timer t(1h);
    auto f = weft::spawn([&] { return t.c.recv().has_value(); });
    wait_for_receivers(t.c);
    EXPECT_TRUE(t.reset(0s));
    EXPECT_TRUE(f.join());
    EXPECT_TRUE(t.reset(-1s) == false);
    EXPECT_EQ(t.c.size(), 1u);
  });
}

// Whatever the timer was doing meanwhile, what is received after a reset is not from before it.
TEST_P(time_of, no_stale_value_after_stop_or_reset) {
  run([] {
    weft::timer t(1h);
    for (int i = 0; i < 300; ++i) {
      t.reset(std::chrono::microseconds(i % 5));
      for (int spin = 0; spin < i % 40; ++spin) {
        weft::this_fiber::yield();
      }
      const auto now = weft::clock::now();
      weft::clock::time_point v;
      if (i % 2 == 0) {
        t.stop();
        ASSERT_EQ(t.c.try_recv(v), recv_status::empty);
      } else {
        t.reset(20us);
        ASSERT_GE(*t.c.recv() - now, 20us);
      }
    }
  });
}

TEST_P(time_of, receiver_outlives_its_timer) {
  run([] {
    weft::receiver<weft::clock::time_point> c;
    {
      weft::timer t(1ms);
      c = t.c;
    }
    EXPECT_TRUE(c.recv().has_value());
  });
}

TEST_P(time_of, copies_and_moves_are_handles_of_one_timer) {
  run([] {
    weft::timer a(1h);
    weft::timer b = a;
    EXPECT_TRUE(b.stop());
    EXPECT_FALSE(a.stop());
    weft::timer moved = std::move(a);
    EXPECT_FALSE(moved.reset(1us));
    EXPECT_TRUE(b.c.recv().has_value());
    EXPECT_FALSE(a.stop());
    EXPECT_FALSE(a.reset(1ms));
  });
}

TEST_P(time_of, stop_and_reset_from_many_fibers) {
  run([] {
    weft::timer t(1h);
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 4; ++i) {
      fibers.push_back(weft::spawn([t, i]() mutable {
        for (int k = 0; k < 100; ++k) {
          (k + i) % 2 == 0 ? t.stop() : t.reset(std::chrono::microseconds(k % 7));
          weft::clock::time_point v;
          t.c.try_recv(v);
        }
      }));
    }
    fibers.clear();
    t.reset(1us);
    EXPECT_TRUE(t.c.recv().has_value());
  });
}

// ticker ---------------------------------------------------------------------------------------

TEST_P(time_of, ticker_ticks) {
  run([] {
    const auto begin = weft::clock::now();
    weft::ticker t(500us);
    auto last = begin;
    for (int i = 1; i <= 5; ++i) {
      const auto now = *t.c.recv();
      EXPECT_GT(now, last);
      EXPECT_GE(now - begin, i * 500us);
      last = now;
    }
  });
}

TEST_P(time_of, slow_receiver_misses_ticks) {
  run([] {
    weft::ticker t(200us);
    wait_until([&] { return t.c.size() > 0; });
    weft::after(5ms).recv();
    EXPECT_EQ(t.c.size(), 1u);
  });
}

TEST_P(time_of, stopped_ticker_is_silent) {
  run([] {
    weft::ticker t(100us);
    t.c.recv();
    t.stop();
    EXPECT_EQ(weft::select(recv(t.c), weft::after(2ms, [] {})), 1u);
    EXPECT_FALSE(t.c.closed());
  });
}

TEST_P(time_of, ticker_reset_changes_the_period) {
  run([] {
    weft::ticker t(1h);
    const auto begin = weft::clock::now();
    t.reset(1ms);
    t.c.recv();
    EXPECT_GE(*t.c.recv() - begin, 2ms);
    t.reset(1h);
    EXPECT_EQ(weft::select(recv(t.c), weft::after(3ms, [] {})), 1u);
  });
}

TEST_P(time_of, ticker_wants_a_positive_period) {
  run([] {
    EXPECT_THROW(weft::ticker(0s), std::invalid_argument);
    EXPECT_THROW(weft::ticker(-1ns), std::invalid_argument);
    weft::ticker t(1h);
    EXPECT_THROW(t.reset(0s), std::invalid_argument);
  });
}

TEST_P(time_of, ticker_as_a_range) {
  run([] {
    weft::ticker t(100us);
    int n = 0;
    for ([[maybe_unused]] auto now : t.c) {
      if (++n == 3) {
        break;
      }
    }
    EXPECT_EQ(n, 3);
  });
}

// While their owners compute, other Ps run the timers, and one may be about to arm the next tick.
TEST_P(time_of, tickers_go_away_while_they_tick) {
  run([] {
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 3; ++i) {
      fibers.push_back(weft::spawn([i] {
        for (int k = 0; k < 200; ++k) {
          const weft::ticker t(1us);
          const auto end = weft::clock::now() + std::chrono::microseconds(60 + (k * 7 + i) % 40);
          while (weft::clock::now() < end) {
          }
        }
      }));
    }
    for (auto& f : fibers) {
      f.join();
    }
  });
}

}  // namespace
