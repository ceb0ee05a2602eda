// start(), stop(), run(), implicit start; options; misuse of them.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"
#include "weft/time.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::flag;
using weft_testing::scaled;

TEST(start_stop, repeats) {
  const int before = weft_testing::thread_count();
  for (int i = 0; i < scaled(200, 40); ++i) {
    weft::start({.procs = 1 + i % 8});
    EXPECT_TRUE(weft::running());
    EXPECT_EQ(weft::procs(), 1 + i % 8);
    std::atomic<int> ran{0};
    for (int k = 0; k < i % 20; ++k) {
      weft::go([&] {
        ++ran;
        weft::this_fiber::sleep_for(1h);
      });
    }
    weft::stop();
    EXPECT_EQ(ran, i % 20);
  }
  weft_testing::expect_nothing_left(before);
}

TEST(start_stop, at_once_without_work) {
  for (int i = 0; i < scaled(200, 40); ++i) {
    weft::start({.procs = 4});
    weft::stop();
  }
}

// To arm a timer may be to start the runtime, which has to wait for a stop(), which goes for the
// lock of the channel on which the other thread waits.
TEST(start_stop, a_timer_is_reset_meanwhile) {
  weft::timer t(1h);
  std::atomic<bool> end{false};
  const auto thread = [&end](auto step) {
    return std::thread([&end, step] {
      while (!end) {
        try {
          step();
        } catch (const std::logic_error&) {  // it is stopping
        } catch (const weft::unwind&) {
        }
      }
    });
  };
  std::thread resets = thread([&t] { t.reset(1h); });
  std::thread receives = thread([&t] { t.c.recv(); });
  std::thread starts = thread([] { weft::go([] {}); });
  const auto until = weft::clock::now() + 1s;
  while (weft::clock::now() < until) {
    weft::stop();
  }
  end = true;
  resets.join();
  starts.join();
  t.reset(0s);
  receives.join();
  weft::stop();
}

TEST(start_stop, start_twice_is_a_logic_error) {
  weft::start({.procs = 1});
  EXPECT_THROW(weft::start(), std::logic_error);
  weft::spawn([] { EXPECT_THROW(weft::start(), std::logic_error); }).join();
  weft::stop();
}

TEST(start_stop, stop_without_start_does_nothing) {
  weft::stop();
  weft::stop();
  EXPECT_FALSE(weft::running());
}

TEST(start_stop, stop_from_a_fiber_is_a_logic_error) {
  weft::run([] { EXPECT_THROW(weft::stop(), std::logic_error); }, {.procs = 2});
}

TEST(start_stop, run_returns_the_result) {
  EXPECT_EQ(weft::run([] { return 5; }, {.procs = 2}), 5);
  EXPECT_FALSE(weft::running());
}

TEST(start_stop, run_rethrows_and_stops) {
  EXPECT_THROW(weft::run([] { throw std::runtime_error("main"); }, {.procs = 2}),
               std::runtime_error);
  EXPECT_FALSE(weft::running());
}

TEST(start_stop, run_unwinds_other_fibers) {
  auto counted = std::make_shared<int>(0);
  weft::run(
      [&] {
        for (int i = 0; i < 10; ++i) {
          weft::go([counted] { weft::this_fiber::sleep_for(1h); });
        }
      },
      {.procs = 2});
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(start_stop, run_from_a_fiber_or_beside_a_runtime_is_a_logic_error) {
  weft::run([] { EXPECT_THROW(weft::run([] {}), std::logic_error); }, {.procs = 1});
}

TEST(start_stop, several_threads_stop_at_once) {
  for (int i = 0; i < 20; ++i) {
    weft::start({.procs = 2});
    std::vector<std::thread> stoppers;
    for (int t = 0; t < 3; ++t) {
      stoppers.emplace_back([] { weft::stop(); });
    }
    for (auto& t : stoppers) {
      t.join();
    }
    EXPECT_FALSE(weft::running());
  }
}

TEST(start_stop, stop_while_threads_start_fibers) {
  for (int round = 0; round < scaled(50, 10); ++round) {
    weft::start({.procs = 1 + round % 3});
    std::atomic<bool> end{false};
    std::atomic<int> started{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        const std::string long_text(100, 't');
        while (!end) {
          try {
            weft::go([long_text] { weft::this_fiber::yield(); });
            ++started;
          } catch (const std::logic_error&) {
          }
        }
      });
    }
    weft_testing::eventually([&] { return started > 20; });
    weft::stop();  // go() may start another runtime at once
    weft_testing::eventually([&, now = started.load()] { return started > now + 5; });
    end = true;
    for (auto& t : threads) {
      t.join();
    }
    weft::stop();
  }
}

TEST(start_stop, bad_options_are_refused_and_nothing_runs) {
  EXPECT_THROW(weft::start({.procs = -1}), std::invalid_argument);
  EXPECT_THROW(weft::start({.procs = 1025}), std::invalid_argument);
  EXPECT_THROW(weft::start({.procs = 1, .stack_size = SIZE_MAX}), std::invalid_argument);
  EXPECT_THROW(weft::start({.procs = 1, .time_slice = 0ns}), std::invalid_argument);
  EXPECT_THROW(weft::start({.procs = 1, .time_slice = -1s}), std::invalid_argument);
  EXPECT_THROW(weft::start({.procs = 1, .max_threads = 0}), std::invalid_argument);
  EXPECT_FALSE(weft::running());
}

TEST(start_stop, smallest_options_work) {
  weft::start({.procs = 1, .stack_size = 0, .time_slice = 1us});
  EXPECT_EQ(weft::spawn([] { return 1; }).join(), 1);
  weft::stop();
}

TEST(start_stop, most_procs_work) {
  weft::start({.procs = 1024});
  std::atomic<int> ran{0};
  for (int i = 0; i < 500; ++i) {
    weft::go([&] { ++ran; });
  }
  EXPECT_TRUE(weft_testing::eventually([&] { return ran == 500; }));
  weft::stop();
}

TEST(start_stop, environment_sets_procs) {
  const auto procs_with = [](const char* value) {
    setenv("WEFT_PROCS", value, 1);
    weft::start();
    const int n = weft::procs();
    weft::stop();
    return n;
  };
  EXPECT_EQ(procs_with("3"), 3);
  EXPECT_EQ(procs_with("1024"), 1024);
  EXPECT_GE(procs_with(""), 1);
  for (const char* bad : {"0", "-1", "1025", "four", "4x", "4 4", "99999999999999999999", "0x2"}) {
    EXPECT_THROW(procs_with(bad), std::invalid_argument) << bad;
    EXPECT_THROW(weft::go([] {}), std::invalid_argument) << bad;
  }
  weft::start({.procs = 2});  // an option wins
  EXPECT_EQ(weft::procs(), 2);
  weft::stop();
  unsetenv("WEFT_PROCS");
}

TEST(start_stop, go_starts_the_default_runtime) {
  flag ran;
  weft::go([&] { ran.set(); });
  ran.wait();
  EXPECT_TRUE(weft::running());
  weft::stop();
}

}  // namespace
