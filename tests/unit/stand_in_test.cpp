// The stand-ins of plain threads: made at a thread's first wait, gone with the thread.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/state/current.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/channel.hpp"
#include "weft/fiber_local.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::scaled;

class stand_in : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(stand_in);

int stand_ins() {
  int count = 0;
  weft::detail::for_each_stand_in([](weft::detail::G*, void* arg) { ++*static_cast<int*>(arg); },
                                  &count);
  return count;
}

// One for the thread that is made before the stand-in and so destroyed after it.
struct waits_late {
  weft::chan<int> answers;
  weft::fiber_local<std::shared_ptr<int>>* local = nullptr;
  std::atomic<int>* received = nullptr;
  ~waits_late() {
    if (received != nullptr) {
      *received += ***local;  // a value of its own, of the second stand-in
      *received += answers.recv().value_or(0);
      weft::this_fiber::sleep_for(10us);
    }
  }
};

waits_late& late() {
  thread_local waits_late object;
  return object;
}

TEST_P(stand_in, a_destructor_that_runs_after_its_end_may_wait) {
  const int before = stand_ins();
  auto counted = std::make_shared<int>(1);
  weft::fiber_local<std::shared_ptr<int>> local([&] { return counted; });
  std::atomic<int> received{0};
  for (int i = 0; i < 20; ++i) {
    weft::chan<int> answers;
    std::thread thread([&, answers] {
      late().answers = answers;
      late().local = &local;
      late().received = &received;
      weft::this_fiber::sleep_for(1us);  // makes the stand-in
      EXPECT_EQ(*local, counted);
    });
    weft::go([answers] { answers.send(100); });
    thread.join();
  }
  EXPECT_EQ(received, 20 * 101);
  EXPECT_EQ(counted.use_count(), 1);
  EXPECT_EQ(stand_ins(), before);
}

// As a thread does that waits for the first time, with the lock of an object held that stop() goes
// for while it walks the list.
TEST_P(stand_in, is_made_while_others_walk_the_list) {
  weft::detail::current_stand_in();
  int visits = 0;
  weft::detail::for_each_stand_in(
      [](weft::detail::G*, void* arg) {
        const auto made = std::make_shared<std::atomic<bool>>(false);
        std::thread([made] {
          weft::detail::current_stand_in();
          *made = true;
        }).detach();  // its end does wait for the list
        while (!*made) {
          std::this_thread::yield();
        }
        ++*static_cast<int*>(arg);
      },
      &visits);
  EXPECT_GE(visits, 1);
  EXPECT_TRUE(weft_testing::eventually([] { return stand_ins() == 1; }));
}

TEST_P(stand_in, first_waits_meet_stop) {
  for (int round = 0; round < scaled(30, 10); ++round) {
    weft::chan<int> never;
    std::atomic<int> unwound{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, never] {
        try {
          never.recv();
        } catch (const weft::unwind&) {
          ++unwound;
        }
      });
    }
    weft::go([never] { never.recv(); });
    while (unwound < 4) {
      weft::stop();
      weft::start({.procs = procs()});
      weft::go([never] { never.recv(); });
    }
    for (auto& t : threads) {
      t.join();
    }
  }
}

}  // namespace
