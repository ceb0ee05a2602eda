// Deadlocks are reported, with status 2, and nothing that can still go on is taken for one.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/scheduler/scheduler.hpp"
#include "support/child.hpp"
#include "support/hog.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::child_result;
using weft_testing::run_in_child;

void expect_deadlock(const child_result& child, const char* mentions) {
  EXPECT_EQ(child.exit_status, 2) << "signal " << child.signal << '\n' << child.errors;
  EXPECT_NE(child.errors.find("fatal error: all fibers are asleep - deadlock!"), std::string::npos)
      << child.errors;
  EXPECT_NE(child.errors.find(mentions), std::string::npos) << child.errors;
}

void expect_fine(const child_result& child) {
  EXPECT_EQ(child.exit_status, 0) << "signal " << child.signal << '\n' << child.errors;
  EXPECT_EQ(child.errors.find("deadlock"), std::string::npos) << child.errors;
}

class deadlock : public testing::TestWithParam<int> {
 protected:
  template <class F>
  child_result run(F main, unsigned limit_seconds = 20) {
    return run_in_child(
        [&] {
          weft::run(main, {.procs = GetParam()});
          return 0;
        },
        limit_seconds);
  }
};
INSTANTIATE_TEST_SUITE_P(, deadlock, testing::Values(1, 2, 4, 8), weft_testing::procs_name);

TEST_P(deadlock, of_main_alone_is_reported) {
  expect_deadlock(run([] { weft::chan<int>().recv(); }), "channel receive");
}

TEST_P(deadlock, of_fibers_that_wait_for_each_other_is_reported) {
  expect_deadlock(run([] {
                    weft::chan<int> a;
                    weft::chan<int> b;
                    weft::go({.name = "first"}, [=] {
                      a.recv();
                      b.send(1);
                    });
                    b.recv();
                    a.send(1);
                  }),
                  "\"first\"");
}

TEST_P(deadlock, of_sync_objects_alone_is_reported) {
  expect_deadlock(run([] {
                    weft::mutex m;
                    m.lock();
                    auto other = weft::spawn([&] { m.lock(); });
                    other.join();
                  }),
                  "mutex");
}

TEST_P(deadlock, of_a_wait_group_that_is_never_done_is_reported) {
  expect_deadlock(run([] {
                    weft::wait_group group;
                    group.add(1);
                    group.wait();
                  }),
                  "wait group");
}

TEST_P(deadlock, after_work_timers_and_hogs_is_reported) {
  expect_deadlock(run([] {
                    weft_testing::gate g;
                    auto blocked = weft::spawn([&] { g.pass(); });
                    weft::this_fiber::sleep_for(3ms);
                    g.open();
                    blocked.join();
                    weft::blocking([] { usleep(500); });
                    weft::timer unused(1h);
                    unused.stop();
                    weft::chan<int>().recv();
                  }),
                  "channel receive");
}

TEST_P(deadlock, with_plain_threads_that_wait_too_is_reported) {
  expect_deadlock(run([] {
                    weft::chan<int> c;
                    std::thread waits([c] { c.recv(); });
                    c.recv();
                    waits.join();
                  }),
                  "plain thread");
}

TEST_P(deadlock, that_the_end_of_a_thread_completes_is_reported) {
  expect_deadlock(run([] {
                    std::thread([] {
                      weft::go([] {});  // known from now on
                      std::this_thread::sleep_for(5ms);
                    }).detach();
                    weft::chan<int>().recv();
                  }),
                  "channel receive");
}

TEST_P(deadlock, of_main_as_a_plain_thread_is_reported) {
  expect_deadlock(run_in_child([this] {
                    weft::start({.procs = GetParam()});
                    weft::chan<int> c;
                    weft::go([c] { c.recv(); });
                    c.recv();
                    return 0;
                  }),
                  "channel receive");
}

TEST_P(deadlock, is_not_seen_while_a_timer_is_armed) {
  expect_fine(run([] {
    weft::chan<int> c;
    weft::timer later = weft::after_func(20ms, [c] { c.send(1); });
    EXPECT_EQ(c.recv(), 1);
    weft::this_fiber::sleep_for(5ms);
    weft::mutex m;
    weft::condition_variable changed;
    std::unique_lock hold(m);
    changed.wait_for(hold, 5ms);
  }));
}

TEST_P(deadlock, is_not_seen_while_a_fiber_blocks_its_thread) {
  expect_fine(run([] {
    weft_testing::gate g;
    weft::chan<int> c;
    weft::go([&, c] {
      usleep(20'000);
      c.send(1);
    });
    EXPECT_EQ(c.recv(), 1);
    weft::go([&, c] {
      weft::blocking(weft::hand_off_p::at_once, [] { usleep(20'000); });
      c.send(2);
    });
    EXPECT_EQ(c.recv(), 2);
  }));
}

TEST_P(deadlock, is_not_seen_while_a_thread_may_still_come) {
  expect_fine(run([] {
    weft::chan<int> c;
    std::thread first_call_is_late([c] {
      std::this_thread::sleep_for(20ms);
      c.send(1);
    });
    EXPECT_EQ(c.recv(), 1);
    first_call_is_late.join();
  }));
}

TEST_P(deadlock, is_not_seen_while_a_known_thread_is_elsewhere) {
  expect_fine(run_in_child([this] {
    weft::start({.procs = GetParam()});
    weft::chan<int> c;
    weft::go([c] { c.recv(); });
    std::this_thread::sleep_for(20ms);
    c.send(1);
    weft::stop();
    return 0;
  }));
}

TEST_P(deadlock, is_not_seen_between_a_thread_and_a_fiber_that_wake_each_other) {
  expect_fine(run_in_child([this] {
    weft::start({.procs = GetParam()});
    weft::chan<int> ping;
    weft::chan<int> pong;
    weft::go([=] {
      for (const int v : ping) {
        pong.send(v);
      }
    });
    for (int i = 0; i < 20'000; ++i) {
      ping.send(i);
      if (pong.recv() != i) {
        return 1;
      }
    }
    weft::stop();
    return 0;
  }));
}

TEST_P(deadlock, is_not_seen_while_threads_come_and_go) {
  expect_fine(run([] {
    weft::chan<int> c;
    for (int i = 0; i < 200; ++i) {
      std::thread one([c, i] { c.send(i); });
      EXPECT_EQ(c.recv(), i);
      weft::blocking([&] { one.join(); });
    }
  }));
}

// Who waits for a condition variable, or joins, has still something to do when its wait is there to
// see: it unlocks a mutex, or finds that the fiber has ended. Others go idle meanwhile, and look.
TEST_P(deadlock, is_not_seen_before_a_thread_has_woken_whom_its_wait_wakes) {
  expect_fine(run_in_child([] {
    weft::start({.procs = GetParam()});
    weft::go([] {});
    weft::detail::enter();
    weft::detail::park(
        [](void* self) noexcept {
          for (int i = 0; i < 5; ++i) {
            // The last P goes idle again, which is when it is looked for; so does sysmon.
            weft::detail::nudge_sysmon();
            std::this_thread::sleep_for(50ms);
            weft::detail::check_deadlock();
          }
          weft::detail::ready(static_cast<weft::detail::G*>(self));
        },
        weft::detail::self(), nullptr, {.reason = weft::detail::wait_reason::join});
    weft::detail::leave();
    weft::stop();
    return 0;
  }));
}

TEST_P(deadlock, is_not_looked_for_if_not_wanted) {
  const auto child = run_in_child(
      [this] {
        weft::run([] { weft::chan<int>().recv(); },
                  {.procs = GetParam(), .detect_deadlock = false});
        return 0;
      },
      1);
  EXPECT_EQ(child.signal, SIGALRM) << child.errors;
}

TEST_P(deadlock, at_stop_is_an_unwinding) {
  expect_fine(run_in_child([this] {
    weft::start({.procs = GetParam()});
    for (int i = 0; i < 10; ++i) {
      weft::go([] { weft::chan<int>().recv(); });
    }
    weft::stop();
    return 0;
  }));
}

// The P with the fiber that helps lies on the idle list, alone, until a thread can be made for it.
TEST(no_deadlock, while_a_runnable_fiber_has_no_thread) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    weft::detail::testing_fail_threads = true;
    weft::chan<int> c;
    auto locked = weft::spawn([c] {
      weft::lock_os_thread();
      weft::go([c] { c.close(); });
      c.recv();
    });
    weft_testing::eventually([] {
      return weft::detail::sched.said_no_threads && weft::detail::sched.idle.idle_count == 1;
    });
    weft::detail::testing_fail_threads = false;
    locked.join();
    weft::stop();
    return 0;
  });
  expect_fine(child);
}

}  // namespace
