// set_procs(): up and down while fibers run.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::eventually;
using weft_testing::scaled;

class set_procs : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(set_procs);

TEST_P(set_procs, returns_the_previous_number) {
  EXPECT_EQ(weft::set_procs(3), procs());
  EXPECT_EQ(weft::procs(), 3);
  EXPECT_EQ(weft::set_procs(3), 3);
  EXPECT_EQ(weft::set_procs(procs()), 3);
}

TEST_P(set_procs, nonsense_is_refused) {
  for (const int n : {0, -1, 1025, INT32_MIN, INT32_MAX}) {
    EXPECT_THROW(weft::set_procs(n), std::invalid_argument);
  }
  EXPECT_EQ(weft::procs(), procs());
}

TEST_P(set_procs, without_a_runtime_is_a_logic_error) {
  weft::stop();
  EXPECT_THROW(weft::set_procs(2), std::logic_error);
  EXPECT_THROW(weft::set_procs(0), std::invalid_argument);
}

TEST_P(set_procs, from_a_thread_during_stop_is_a_logic_error_at_most) {
  for (int i = 0; i < 20; ++i) {
    weft_testing::flag end;
    std::thread changer([&] {
      while (!end.is_set()) {
        try {
          weft::set_procs(1 + i % 3);
        } catch (const std::logic_error&) {
        }
      }
    });
    for (int k = 0; k < 50; ++k) {
      weft::go([] { weft::this_fiber::sleep_for(1h); });
    }
    weft::this_fiber::sleep_for(1ms);
    weft::stop();
    end.set();
    changer.join();
    weft::start({.procs = procs()});
  }
}

TEST_P(set_procs, from_a_fiber_works) {
  weft::spawn([] {
    for (const int n : {1, 8, 2, 1, 5}) {
      weft::set_procs(n);
      EXPECT_EQ(weft::procs(), n);
      weft::this_fiber::yield();
      weft::spawn([] { weft::this_fiber::yield(); }).join();
    }
  }).join();
}

TEST_P(set_procs, up_and_down_under_load_loses_nobody) {
  constexpr int workers = 50;
  std::atomic<bool> end{false};
  std::atomic<int> ended{0};
  std::vector<std::atomic<int>> rounds(workers);
  for (auto& mine : rounds) {
    weft::go([&] {
      while (!end) {
        weft::this_fiber::yield();
        weft::this_fiber::sleep_for(20us);
        weft::spawn([] { weft::this_fiber::yield(); }).join();
        ++mine;
      }
      ++ended;
    });
  }
  for (int i = 0; i < scaled(60, 15); ++i) {
    weft::set_procs(1 + i * 7 % 8);
    std::vector<int> before(rounds.begin(), rounds.end());
    EXPECT_TRUE(eventually([&] {
      for (std::size_t k = 0; k < rounds.size(); ++k) {
        if (rounds[k] == before[k]) {
          return false;
        }
      }
      return true;
    }));
  }
  end = true;
  EXPECT_TRUE(eventually([&] { return ended == workers; })) << ended;
}

TEST_P(set_procs, rapid_changes_with_timers_pending) {
  std::atomic<int> woken{0};
  constexpr int sleepers = 500;
  for (int i = 0; i < sleepers; ++i) {
    weft::go([&woken, i] {
      weft::this_fiber::sleep_for(std::chrono::microseconds(i * 40));
      ++woken;
    });
  }
  for (int i = 0; woken < sleepers && i < 100'000; ++i) {
    weft::set_procs(1 + i % 8);
  }
  EXPECT_TRUE(eventually([&] { return woken == sleepers; })) << woken;
}

TEST_P(set_procs, several_at_once_from_threads_and_fibers) {
  std::vector<std::thread> threads;
  std::vector<weft::fiber<void>> fibers;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < scaled(200, 50); ++i) {
        weft::set_procs(1 + (i + t) % 8);
      }
    });
    fibers.push_back(weft::spawn([t] {
      for (int i = 0; i < scaled(200, 50); ++i) {
        weft::set_procs(1 + (i * 3 + t) % 8);
        weft::this_fiber::yield();
      }
    }));
  }
  for (auto& t : threads) {
    t.join();
  }
  for (auto& f : fibers) {
    f.join();
  }
}

TEST_P(set_procs, raised_from_one_lets_others_steal) {
  weft::set_procs(1);
  std::atomic<bool> end{false};
  std::atomic<int> ran{0};
  auto hog = weft::spawn([&] {
    for (int i = 0; i < 100; ++i) {
      weft::go([&] { ++ran; });
    }
    weft::set_procs(4);
    weft::this_fiber::yield();
    while (!end) {
    }
  });
  EXPECT_TRUE(eventually([&] { return ran == 100; })) << ran;
  end = true;
  hog.join();
}

}  // namespace
