// Who runs when: yields, slices, checkpoints, runnext, idle Ps. Progress only, no speed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::wait_reason;
using weft_testing::eventually;
using weft_testing::flag;

class fairness : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(fairness);

TEST_P(fairness, yielding_fibers_take_turns) {
  if (procs() != 1) {
    GTEST_SKIP() << "an exact order needs one P";
  }
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
  // A slice may end in between: nearly every four turns are of four fibers.
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

TEST_P(fairness, a_fiber_in_runnext_runs_though_its_waker_spins) {
  if (procs() == 1) {
    GTEST_SKIP() << "needs an idle P";
  }
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> ran{false};
    flag may_end;
    auto joined = weft::spawn([&] { may_end.wait(); });
    auto joiner = weft::spawn([&] {
      joined.join();
      ran = true;
    });
    ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::join, 1));
    may_end.set();
    // Whoever readies the joiner goes on here without ever parking.
    weft::spawn([&] {
      weft::go([&] {});
      while (!ran) {
      }
    }).join();
    joiner.join();
  }
}

TEST_P(fairness, a_single_spawned_fiber_runs_though_its_spawner_spins) {
  if (procs() == 1) {
    GTEST_SKIP() << "needs an idle P";
  }
  for (int i = 0; i < 50; ++i) {
    weft::spawn([] {
      std::atomic<bool> ran{false};
      weft::go([&] { ran = true; });
      while (!ran) {
      }
    }).join();
  }
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
  std::this_thread::sleep_for(700ms);  // sysmon's longest pauses run out
  const long before = context_switches();
  std::this_thread::sleep_for(500ms);
  EXPECT_LE(context_switches() - before, 2);
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

}  // namespace
