// What threads without a P spin is not held against the Ps that they get later.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "runtime/machine/spinning.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/state/contention.hpp"
#include "support/on_procs.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::sched;

class withdraw_detached : public weft_testing::on_procs {};
INSTANTIATE_TEST_SUITE_P(, withdraw_detached, testing::Values(2, 4, 8), weft_testing::procs_name);

// Who spins without a P is not to withdraw the next one it gets. (It would go to sleep while it
// counts as spinning, if it gets that to help, and nobody would be woken any more.)
TEST_P(withdraw_detached, does_not_follow_a_thread_to_its_next_p) {
  run([] {
    int seen = 0;
    for (int i = 0; i < 20; ++i) {
      std::atomic<bool> both_busy{false};
      std::atomic<bool> spun{false};
      auto away = weft::spawn([&] {
        weft::blocking(weft::hand_off_p::at_once, [&] {
          while (!both_busy) {
            std::this_thread::yield();
          }
          weft::detail::count_spinning(weft::detail::monotonic_ns(),
                                       weft::detail::contention_watch::window_ns);
          seen += weft::detail::current_m()->withdraws ? 1 : 0;
          spun = true;
        });
        EXPECT_FALSE(weft::detail::current_m()->withdraws);
      });
      while (sched.detached == 0) {
        weft::this_fiber::yield();
      }
      weft::wait_group other;  // keeps another P busy
      other.go([&] {
        both_busy = true;
        while (!spun) {
          weft::checkpoint();
        }
      });
      while (!spun) {
        weft::checkpoint();
      }
      other.wait();
      away.join();
    }
    EXPECT_GT(seen, 0);
  });
}

// Or stop() waits for it for ever.
TEST_P(withdraw_detached, blocking_calls_with_a_contended_mutex_leave_nobody_spinning) {
  weft::mutex m;
  long n = 0;
  run([&] {
    std::atomic<bool> end{false};
    weft::wait_group group;
    for (int i = 0; i < 4; ++i) {
      group.go([&] {
        while (!end) {
          const std::scoped_lock hold(m);
          ++n;
        }
      });
    }
    for (int i = 0; i < 6; ++i) {
      group.go([&] {
        while (!end) {
          weft::blocking([&] {
            std::this_thread::sleep_for(300us);
            for (int k = 0; k < 20'000; ++k) {
              const std::scoped_lock hold(m);
              ++n;
            }
          });
          weft::this_fiber::sleep_for(200us);
        }
      });
    }
    weft::this_fiber::sleep_for(500ms);
    end = true;
    group.wait();
  });
}

}  // namespace
