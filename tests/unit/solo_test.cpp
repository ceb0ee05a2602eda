// With one P and no plain threads, locks of channels and the like are taken by plain stores; that
// ends as soon as anybody else comes.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <sstream>
#include <thread>
#include <vector>

#include "runtime/state/solo.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/debug.hpp"
#include "weft/select.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::solo;
using weft_testing::scaled;

class solo_mode : public testing::Test {
 protected:
  void SetUp() override { weft::detail::testing_forget_outsiders(); }
};

// Two fibers that hand numbers to each other until the channels are closed; then each adds what it
// has got to `total`.
void exchange(const weft::chan<int>& there, const weft::chan<int>& back, std::atomic<long>& total) {
  weft::go([there, back, &total] {
    long sum = 0;
    for (const int i : there) {
      sum += i;
      back.send(i);
    }
    back.close();
    total += sum;
  });
}

TEST_F(solo_mode, is_for_one_p_only) {
  weft::run([] { EXPECT_TRUE(solo.now); }, {.procs = 1});
  EXPECT_FALSE(solo.now);
  weft::run([] { EXPECT_FALSE(solo.now); }, {.procs = 2});
  weft::run([] { EXPECT_TRUE(solo.now); }, {.procs = 1});
}

TEST_F(solo_mode, does_not_end_by_what_fibers_do) {
  weft::run(
      [] {
        const weft::chan<int> there(1);
        const weft::chan<int> back;
        std::atomic<long> total{0};
        exchange(there, back, total);
        for (int i = 0; i < 1000; ++i) {
          there.send(i);
          EXPECT_EQ(back.recv(), i);
        }
        there.close();
        EXPECT_FALSE(back.recv());
        EXPECT_EQ(weft::select(recv(weft::chan<int>()), weft::after(1ms, [] {})), 1U);
        weft::blocking(weft::hand_off_p::at_once, [] { std::this_thread::sleep_for(1ms); });
        weft::mutex mutex;
        weft::condition_variable changed;
        bool done = false;
        weft::go([&] {
          const std::scoped_lock hold(mutex);
          done = true;
          changed.notify_one();
        });
        std::unique_lock hold(mutex);
        changed.wait(hold, [&] { return done; });
        std::ostringstream report;
        weft::dump(report);
        EXPECT_TRUE(solo.now);
      },
      {.procs = 1});
}

TEST_F(solo_mode, starting_and_joining_fibers_from_outside_leaves_it) {
  weft::start({.procs = 1});
  EXPECT_EQ(weft::spawn([] { return 7; }).join(), 7);
  EXPECT_TRUE(solo.now);
  weft::stop();
}

TEST_F(solo_mode, ends_when_a_second_p_is_made) {
  weft::run(
      [] {
        EXPECT_EQ(weft::set_procs(1), 1);
        EXPECT_TRUE(solo.now);
        weft::set_procs(2);
        EXPECT_FALSE(solo.now);
        weft::set_procs(1);
        EXPECT_FALSE(solo.now);
      },
      {.procs = 1});
}

TEST_F(solo_mode, a_plain_thread_ends_it_for_good) {
  weft::run(
      [] {
        const weft::chan<int> channel;
        std::thread outsider([&] { channel.send(5); });
        EXPECT_EQ(channel.recv(), 5);
        EXPECT_FALSE(solo.now);
        outsider.join();
      },
      {.procs = 1});
  weft::run([] { EXPECT_FALSE(solo.now); }, {.procs = 1});
}

// A thread that uses a channel while no runtime runs is one that it may find in there.
TEST_F(solo_mode, does_not_begin_after_a_plain_thread_has_come) {
  const weft::chan<int> channel(1);
  channel.send(1);
  weft::run([&] { EXPECT_FALSE(solo.now); }, {.procs = 1});
}

TEST_F(solo_mode, stop_ends_what_waits) {
  for (int i = 0; i < scaled(100, 10); ++i) {
    weft::start({.procs = 1});
    for (int f = 0; f < 10; ++f) {
      weft::go([] { (void)weft::chan<int>().recv(); });
    }
    EXPECT_TRUE(solo.now);
    weft::stop();
    EXPECT_FALSE(solo.now);
  }
}

// Plain threads come in the middle of it, all at once; nothing is lost, and nothing comes twice.
TEST_F(solo_mode, outsiders_may_come_at_any_moment) {
  constexpr int outsiders = 3;
  for (int round = 0; round < scaled(300, 30); ++round) {
    weft::detail::testing_forget_outsiders();
    constexpr int each = 100;
    std::atomic<long> total{0};
    std::atomic<bool> fibers_at_it{false};
    const weft::chan<int> there(round % 3);
    const weft::chan<int> back(round % 2);
    std::atomic<int> received{0};
    weft::wait_group group;
    std::vector<std::thread> threads;
    const auto come = [&] {
      while (!fibers_at_it) {
        std::this_thread::yield();
      }
      for (int i = 1; i <= each; ++i) {
        there.send(i);
      }
    };
    weft::run(
        [&] {
          exchange(there, back, total);
          group.go([&] {
            while (back.recv()) {
              ++received;
            }
          });
          for (int t = 0; t < outsiders; ++t) {
            threads.emplace_back(come);
          }
          weft::wait_group senders;
          for (int f = 0; f < 4; ++f) {
            senders.go([&] {
              for (int i = 1; i <= each; ++i) {
                there.send(i);
                fibers_at_it = fibers_at_it || i == round % each;
              }
            });
          }
          senders.wait();
          fibers_at_it = true;
          weft::blocking([&] {
            for (std::thread& t : threads) {
              t.join();
            }
          });
          there.close();
          group.wait();
        },
        {.procs = 1});
    EXPECT_EQ(total, (4L + outsiders) * each * (each + 1) / 2);
    EXPECT_EQ(received, (4 + outsiders) * each);
    EXPECT_FALSE(solo.now);
  }
}

// The same with select, a mutex and its condition variable, and a second P that comes as well.
TEST_F(solo_mode, ends_under_selects_and_condition_variables) {
  for (int round = 0; round < scaled(200, 20); ++round) {
    weft::detail::testing_forget_outsiders();
    constexpr int each = 200;
    weft::mutex mutex;
    weft::condition_variable changed;
    int turns = 0;
    int selected = 0;
    weft::run(
        [&] {
          const weft::chan<int> a;
          const weft::chan<int> b(2);
          weft::wait_group group;
          for (const auto& c : {a, b}) {
            group.go([c] {
              for (int i = 0; i < each; ++i) {
                c.send(i);
              }
            });
          }
          group.go([&] {
            for (int i = 0; i < 2 * each; ++i) {
              weft::select(recv(a, [&](auto) { ++selected; }), recv(b, [&](auto) { ++selected; }));
            }
          });
          const auto take_turns = [&](int parity) {
            for (int i = 0; i < each; ++i) {
              std::unique_lock hold(mutex);
              changed.wait(hold, [&] { return turns % 2 == parity; });
              ++turns;
              changed.notify_one();
            }
          };
          group.go([&] { take_turns(0); });
          std::thread outsider;
          if (round % 2 == 0) {
            outsider = std::thread([&] { take_turns(1); });
          } else {
            group.go([&] { take_turns(1); });
            weft::set_procs(2);
          }
          group.wait();
          if (outsider.joinable()) {
            weft::blocking([&] { outsider.join(); });
          }
        },
        {.procs = 1});
    EXPECT_EQ(turns, 2 * each);
    EXPECT_EQ(selected, 2 * each);
  }
}

}  // namespace
