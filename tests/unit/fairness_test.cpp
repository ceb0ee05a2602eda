// Who runs when: yields, slices, checkpoints, runnext, idle Ps. Progress only, no speed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "support/chan_probe.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/time.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::eventually;

class fairness : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(fairness);

TEST_P(fairness, yielding_fibers_take_turns) {
  if (procs() != 1) {
    GTEST_SKIP() << "an exact order needs one P";
  }
  weft::stop();
  weft::start({.procs = 1, .time_slice = 24h});  // or others run beside one that has lost its CPU
  std::vector<int> turns;
  weft::spawn([&] {
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 4; ++i) {
      fibers.push_back(weft::spawn([&turns, i] {
        for (int k = 0; k < 50; ++k) {
          turns.push_back(i);
          weft::this_fiber::yield();
        }
      }));
    }
    for (auto& f : fibers) {
      f.join();
    }
  }).join();
  // A look at the other queues may come in between: nearly every four turns are of four fibers.
  int complete = 0;
  for (std::size_t i = 0; i + 4 <= turns.size(); i += 4) {
    int seen = 0;
    for (std::size_t k = i; k < i + 4; ++k) {
      seen |= 1 << turns[k];
    }
    complete += seen == 15;
  }
  EXPECT_EQ(turns.size(), 200U);
  EXPECT_GT(complete, 25);
}

TEST_P(fairness, checkpoint_loops_give_way) {
  std::atomic<bool> end{false};
  std::atomic<int> hogs{0};
  for (int i = 0; i < procs() + 1; ++i) {
    weft::go([&] {
      ++hogs;
      while (!end) {
        weft::checkpoint();
      }
      --hogs;
    });
  }
  EXPECT_TRUE(eventually([&] { return hogs == procs() + 1; }));
  weft::spawn([] {}).join();
  weft::spawn([] { weft::this_fiber::sleep_for(1ms); }).join();
  end = true;
  EXPECT_TRUE(eventually([&] { return hogs == 0; }));
}

TEST_P(fairness, chains_of_spawns_do_not_starve_others) {
  std::atomic<bool> end{false};
  std::atomic<int> links{0};
  struct chain {
    std::atomic<bool>* end;
    std::atomic<int>* links;
    void operator()() const {
      ++*links;
      if (!*end) {
        weft::go(*this);
      }
    }
  };
  for (int i = 0; i < procs(); ++i) {
    weft::go(chain{&end, &links});
  }
  EXPECT_TRUE(eventually([&] { return links > 1000; }));
  weft::spawn([&] {
    for (int i = 0; i < 10; ++i) {
      weft::this_fiber::yield();
    }
    end = true;
  }).join();
  weft::stop();  // the fibers use this frame
}

TEST_P(fairness, pairs_that_yield_do_not_starve_a_sleeper) {
  std::atomic<bool> end{false};
  for (int i = 0; i < 2 * procs(); ++i) {
    weft::go([&] {
      while (!end) {
        weft::this_fiber::yield();
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    weft::spawn([] { weft::this_fiber::sleep_for(100us); }).join();
  }
  end = true;
  weft::stop();  // the fibers use this frame
}

TEST_P(fairness, all_procs_are_used) {
  std::atomic<int> together{0};
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < procs(); ++i) {
    fibers.push_back(weft::spawn([&] {
      ++together;
      while (together < procs()) {  // nobody yields: each needs a P
      }
    }));
  }
  for (auto& f : fibers) {
    f.join();
  }
}

// Voluntary and other context switches of all threads of this process but the calling one.
long context_switches() {
  long sum = 0;
  const std::string own = std::to_string(gettid());
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == own) {
      continue;
    }
    std::ifstream in(task.path() / "status");
    for (std::string line; std::getline(in, line);) {
      if (line.find("ctxt_switches:") != std::string::npos) {
        sum += std::stol(line.substr(line.find(':') + 1));
      }
    }
  }
  return sum;
}

TEST_P(fairness, an_idle_process_does_not_wake_up) {
  if (weft_testing::sanitized) {
    GTEST_SKIP() << "a sanitizer has threads of its own";
  }
  weft::go([] { weft::this_fiber::sleep_for(1h); });
  for (int i = 0; i < 100; ++i) {
    weft::go([] { weft::this_fiber::yield(); });
  }
  ASSERT_TRUE(weft_testing::wait_until_idle());
  // sysmon's longest pauses run out in some 700 ms, or later on a busy machine.
  EXPECT_TRUE(eventually(
      [] {
        const long before = context_switches();
        std::this_thread::sleep_for(500ms);
        return context_switches() - before <= 2;
      },
      10s));
}

TEST_P(fairness, work_after_a_long_calm_is_done_at_once) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(weft_testing::wait_until_idle());
    std::this_thread::sleep_for(20ms);
    std::atomic<int> ran{0};
    for (int k = 0; k < 200; ++k) {
      weft::go([&] {
        weft::this_fiber::yield();
        ++ran;
      });
    }
    EXPECT_TRUE(eventually([&] { return ran == 200; }));
  }
}

// From here on nobody's slice ends by itself, and no P is taken away for one: that would make up
// for what is tested.
class fairness_beside_an_idle_p : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { weft::start({.procs = GetParam(), .time_slice = 24h}); }
  void TearDown() override { weft::stop(); }

  // Computes, without a call of weft, until it is set; but not for ever.
  static bool comes_while_computing(const std::atomic<bool>& what) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!what) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
    }
    return true;
  }
};
INSTANTIATE_TEST_SUITE_P(procs, fairness_beside_an_idle_p, testing::Values(2, 4, 8),
                         weft_testing::procs_name);

// Nobody announces it: sysmon has to see it, and a thief to take it from runnext.
TEST_P(fairness_beside_an_idle_p, a_fiber_in_runnext_runs_though_its_waker_computes) {
  for (int i = 0; i < 20 && !HasFailure(); ++i) {
    std::atomic<bool> ran{false};
    const weft::chan<void> wake;
    const weft::fiber<void> woken = weft::spawn([&] {
      wake.recv();
      ran = true;
    });
    weft_testing::wait_for_receivers(wake);
    const weft::fiber<void> waker = weft::spawn([&] {
      wake.send();
      EXPECT_TRUE(comes_while_computing(ran));
    });
  }
}

TEST_P(fairness_beside_an_idle_p, a_single_fiber_runs_though_its_spawner_computes) {
  for (int i = 0; i < 50 && !HasFailure(); ++i) {
    weft::spawn([] {
      std::atomic<bool> ran{false};
      const weft::fiber<void> single = weft::spawn([&] { ran = true; });
      EXPECT_TRUE(comes_while_computing(ran));
    }).join();
  }
}

class fairness_on_one_p : public testing::Test {
 protected:
  void SetUp() override { weft::start({.procs = 1, .time_slice = 24h}); }
  void TearDown() override { weft::stop(); }

  // As if sysmon had found the calling fiber's slice over.
  static void use_up_slice() {
    weft::detail::request_yield(weft::detail::current_m());
    weft::checkpoint();
  }
};

// Who uses up its slices gets one dispatch in 61 while others take turns in the ring.
TEST_F(fairness_on_one_p, used_up_slices_do_not_alternate_with_short_turns) {
  constexpr int turns = 600;
  int slices = 0;
  weft::spawn([&] {
    bool end = false;
    const weft::fiber<void> hog = weft::spawn([&] {
      while (!end) {
        ++slices;
        use_up_slice();
      }
    });
    const auto take_turns = [] {
      for (int i = 0; i < turns / 2; ++i) {
        weft::this_fiber::yield();
      }
    };
    {
      const weft::fiber<void> one = weft::spawn(take_turns);
      const weft::fiber<void> other = weft::spawn(take_turns);
    }
    end = true;
  }).join();
  EXPECT_GE(slices, turns / 122);
  EXPECT_LE(slices, turns / 61 + 5);
}

// Who is in runnext when a slice is used up has inherited that.
TEST_F(fairness_on_one_p, a_chain_of_used_up_slices_does_not_starve_the_ring) {
  int links = 0;
  bool ran = false;
  std::function<void()> link = [&] {
    ++links;
    if (!ran && links < 1000) {
      weft::go(link);
    }
    use_up_slice();
  };
  weft::spawn([&] {
    const weft::chan<void> done;
    weft::go([&, done] {
      ran = true;
      done.send();
    });
    weft::go(link);
    done.recv();
    EXPECT_LE(links, 3);
  }).join();
  weft::stop();  // the fibers use this frame
}

TEST_F(fairness_on_one_p, a_due_timer_fires_within_61_dispatches) {
  for (int i = 0; i < 20; ++i) {
    weft::spawn([] {
      const weft::chan<void> there;
      const weft::chan<void> back;
      const weft::fiber<void> partner = weft::spawn([&] {
        while (there.recv()) {
          back.send();
        }
      });
      const weft::timer alarm(2ms);
      const auto due = weft::clock::now() + 2ms;  // or a little earlier
      int rounds_late = 0;
      while (alarm.c.size() == 0) {
        rounds_late += weft::clock::now() > due;
        there.send();
        back.recv();
      }
      there.close();
      EXPECT_LE(rounds_late, 61);
    }).join();
  }
}

TEST_F(fairness_on_one_p, a_sleeper_gets_its_turn_in_the_ring) {
  for (int i = 0; i < 20; ++i) {
    weft::spawn([] {
      bool end = false;
      int turns_late = 0;
      const auto due = weft::clock::now() + 2ms;
      const auto take_turns = [&] {
        while (!end) {
          turns_late += weft::clock::now() > due;
          weft::this_fiber::yield();
        }
      };
      const weft::fiber<void> one = weft::spawn(take_turns);
      const weft::fiber<void> other = weft::spawn(take_turns);
      weft::this_fiber::sleep_until(due);
      end = true;
      EXPECT_LE(turns_late, 61 + 2);
    }).join();
  }
}

}  // namespace
