// world_hold: while it lasts nobody is dispatched, whatever the fibers were doing.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"
#include "support/hog.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::sched;
using weft::detail::world_hold;

class world : public weft_testing::on_procs {};
WEFT_ON_PROCS(world);

std::vector<std::uint32_t> dispatches() {
  std::vector<std::uint32_t> counts;
  for (int i = 0; i < sched.made_ps; ++i) {
    counts.push_back(sched.p_at(i)->dispatches.load());
  }
  return counts;
}

void hold_and_look() {
  const world_hold held;
  const auto before = dispatches();
  for (int i = 0; i < 200; ++i) {
    weft::detail::cpu_relax();
  }
  EXPECT_EQ(dispatches(), before);
  EXPECT_EQ(sched.idle.idle_count, sched.proc_count);
}

// Everything that moves: pairs over channels, sleepers, yielders, hogs, blockers.
class bustle {
 public:
  explicit bustle(int procs) {
    for (int i = 0; i < procs + 1; ++i) {
      weft::chan<int> c;
      group_.go([this, c] {
        for (int n = 0; !end_; ++n) {
          c.send(n);
        }
        c.close();
      });
      group_.go([c] {
        int expected = 0;
        for (const int v : c) {
          EXPECT_EQ(v, expected++);
        }
      });
      group_.go([this] {
        while (!end_) {
          weft::this_fiber::sleep_for(50us);
          weft::this_fiber::yield();
        }
      });
    }
    group_.go([this] { loop_.run(); });
    group_.go([this] { gate_.pass(); });
  }
  void finish() {
    end_ = true;
    loop_.end();
    gate_.open();
    group_.wait();
  }

 private:
  std::atomic<bool> end_{false};
  weft_testing::spin_loop loop_;
  weft_testing::gate gate_;
  weft::wait_group group_;
};

TEST_P(world, is_still_while_a_fiber_holds_it) {
  run([this] {
    bustle others(GetParam());
    for (int i = 0; i < 50; ++i) {
      hold_and_look();
      weft::this_fiber::sleep_for(100us);
    }
    others.finish();
  });
}

TEST_P(world, is_still_while_a_thread_holds_it) {
  run([this] {
    bustle others(GetParam());
    std::thread holder([] {
      for (int i = 0; i < 50; ++i) {
        hold_and_look();
      }
    });
    weft::blocking([&] { holder.join(); });
    others.finish();
  });
}

TEST_P(world, holders_take_turns) {
  run([this] {
    bustle others(GetParam());
    std::vector<weft::fiber<void>> holders;
    for (int i = 0; i < 4; ++i) {
      holders.push_back(weft::spawn([] {
        for (int k = 0; k < 10; ++k) {
          hold_and_look();
        }
      }));
    }
    for (auto& h : holders) {
      h.join();
    }
    others.finish();
  });
}

TEST_P(world, set_procs_meanwhile_is_no_harm) {
  run([this] {
    bustle others(GetParam());
    std::atomic<bool> end{false};
    std::thread changer([&] {
      for (int n = 1; !end; n = n % 8 + 1) {
        weft::set_procs(n);
      }
    });
    for (int i = 0; i < 30; ++i) {
      const world_hold held;
    }
    end = true;
    weft::blocking([&] { changer.join(); });
    others.finish();
  });
}

TEST(world_without_runtime, is_held_by_nobody) {
  const world_hold held;
  EXPECT_FALSE(held.held());
  EXPECT_FALSE(weft::running());
}

}  // namespace
