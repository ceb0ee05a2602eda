// A fiber that does not come back to the runtime stops nobody: its P is taken away, and when it
// comes back it gets one again. Each test would hang without that, on any number of Ps.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "support/child.hpp"
#include "support/hog.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/sync.hpp"
#include "weft/time.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::sched;
using weft_testing::gate;
using weft_testing::spin_loop;

class detach : public weft_testing::on_procs {};
WEFT_ON_PROCS(detach);

TEST_P(detach, spinning_fibers_stop_nobody) {
  const auto before = sched.counts.detached_slice.load();
  run([this, before] {
    spin_loop loop;
    weft::wait_group hogs;
    for (int i = 0; i < GetParam() + 2; ++i) {
      hogs.go([&] { loop.run(); });
    }
    for (int i = 0; i < 20; ++i) {
      weft::this_fiber::sleep_for(1ms);
    }
    weft::spawn([] {}).join();
    // Not all of them need have begun by then.
    EXPECT_TRUE(
        weft_testing::eventually([before] { return sched.counts.detached_slice > before; }));
    loop.end();
    hogs.wait();
  });
}

TEST_P(detach, undeclared_blocking_stops_nobody) {
  run([this] {
    gate g;
    weft::wait_group blocked;
    const int count = 3 * GetParam();
    for (int i = 0; i < count; ++i) {
      blocked.go([&] { g.pass(); });
    }
    weft::chan<int> c;
    weft::go([c] { c.send(1); });
    EXPECT_EQ(c.recv(), 1);
    for (int i = 0; i < count; ++i) {
      g.open();
      weft::this_fiber::yield();
    }
    blocked.wait();
  });
}

TEST_P(detach, works_without_membarrier) {
  weft::detail::testing_no_membarrier = true;
  run([this] {
    EXPECT_FALSE(sched.membarrier);
    spin_loop loop;
    gate g;
    weft::wait_group hogs;
    for (int i = 0; i < GetParam() + 1; ++i) {
      hogs.go([&] { loop.run(); });
      hogs.go([&] { g.pass(); });
    }
    weft::chan<int> c(1);
    for (int i = 0; i < 100; ++i) {
      weft::spawn([c, i] { c.send(i); }).join();
      EXPECT_EQ(c.recv(), i);
    }
    for (int i = 0; i < GetParam() + 1; ++i) {
      g.open();
    }
    loop.end();
    hogs.wait();
  });
  weft::detail::testing_no_membarrier = false;
}

// What a fiber does after its P was taken is what any fiber does. `body` begins detached.
template <class F>
void run_detached(int procs, F body) {
  spin_loop loop;
  auto hog = weft::spawn([&] {
    loop.run();
    body();
  });
  std::vector<weft::fiber<void>> others;
  spin_loop fill;  // every P must be wanted, or none is taken
  for (int i = 1; i < procs; ++i) {
    others.push_back(weft::spawn([&] { fill.run(); }));
  }
  const auto before = sched.counts.detached_slice.load();
  while (sched.counts.detached_slice.load() < before + static_cast<unsigned>(procs)) {
    weft::this_fiber::sleep_for(1ms);
  }
  loop.end();
  fill.end();
  hog.join();
}

TEST_P(detach, may_end) {
  run([this] { run_detached(GetParam(), [] {}); });
}

TEST_P(detach, may_throw_to_its_joiner) {
  run([this] {
    EXPECT_THROW(run_detached(GetParam(), [] { throw std::runtime_error("x"); }),
                 std::runtime_error);
  });
}

TEST_P(detach, may_use_channels) {
  run([this] {
    weft::chan<int> c;
    weft::go([c] {
      int sum = 0;
      for (const int v : c) {
        sum += v;
      }
      EXPECT_EQ(sum, 55);
    });
    run_detached(GetParam(), [c] {
      for (int i = 1; i <= 10; ++i) {
        c.send(i);
      }
      c.close();
    });
  });
}

TEST_P(detach, may_start_join_sleep_yield_and_lock) {
  run([this] {
    weft::mutex m;
    int n = 0;
    run_detached(GetParam(), [&] {
      const auto other = [&] {
        const std::scoped_lock hold(m);
        return ++n;
      };
      weft::spawn(other).join();
      weft::this_fiber::yield();
      weft::this_fiber::sleep_for(10us);
      const std::scoped_lock hold(m);
      ++n;
    });
    EXPECT_EQ(n, 2);
  });
}

TEST_P(detach, stop_from_it_is_refused) {
  run([this] { run_detached(GetParam(), [] { EXPECT_THROW(weft::stop(), std::logic_error); }); });
}

TEST_P(detach, set_procs_from_it_works) {
  run([this] {
    run_detached(GetParam(), [this] { EXPECT_EQ(weft::set_procs(3), GetParam()); });
    EXPECT_EQ(weft::procs(), 3);
  });
}

TEST_P(detach, exception_in_flight_stays_its_own) {
  run([this] {
    spin_loop loop;
    weft::wait_group hogs;
    for (int i = 0; i < GetParam() + 1; ++i) {
      hogs.go([&, i] {
        try {
          throw std::runtime_error(std::to_string(i));
        } catch (const std::runtime_error& e) {
          loop.run();
          weft::this_fiber::yield();
          EXPECT_EQ(e.what(), std::to_string(i));
        }
      });
    }
    weft::this_fiber::sleep_for(2ms);
    loop.end();
    hogs.wait();
  });
}

TEST_P(detach, stop_waits_for_it) {
  std::atomic<bool> ended{false};
  spin_loop loop;
  std::thread helper;
  run([&] {
    struct at_end {
      std::atomic<bool>* flag;
      ~at_end() { *flag = true; }
    };
    weft::go([&] {
      const at_end mark{&ended};
      loop.run();
      weft::chan<int>().recv();  // unwound here
    });
    while (!loop.has_started()) {
      weft::this_fiber::yield();
    }
    helper = std::thread([&] {
      std::this_thread::sleep_for(5ms);  // stop() is usually waiting by then; right either way
      loop.end();
    });
  });
  EXPECT_TRUE(ended);
  helper.join();
}

TEST_P(detach, without_threads_the_others_go_on_when_it_comes_back) {
  run([this] {
    weft::detail::testing_fail_threads = true;
    spin_loop loop;
    weft::wait_group hogs;
    for (int i = 0; i < GetParam() + 1; ++i) {
      hogs.go([&] { loop.run(); });
    }
    std::thread helper([&] {
      std::this_thread::sleep_for(30ms);
      loop.end();
    });
    hogs.wait();
    weft::spawn([] {}).join();
    weft::detail::testing_fail_threads = false;
    helper.join();
  });
}

// What there was no thread for is not forgotten once nothing else happens.
TEST(detach_threads, refused_ones_are_asked_for_again) {
  weft::start({.procs = 1});
  weft::detail::testing_fail_threads = true;
  gate g;
  std::atomic<bool> ran{false};
  weft::go([&] {
    weft::go([&] { ran = true; });
    g.pass();
  });
  EXPECT_TRUE(weft_testing::eventually([] { return sched.said_no_threads.load(); }));
  std::this_thread::sleep_for(200ms);  // sysmon would be deep asleep by then; right either way
  EXPECT_FALSE(ran);
  weft::detail::testing_fail_threads = false;
  EXPECT_TRUE(weft_testing::eventually([&] { return ran.load(); }, 5s));
  g.open();
  weft::stop();
}

// Who sleeps keeps no processor busy: with short slices, too, it is not one of the hogs.
TEST(detach_in_short_slices, sleepers_are_no_hogs) {
  const auto before = sched.counts.detached_undeclared.load();
  weft::run(
      [before] {
        for (int i = 0; i < 20 && sched.counts.detached_undeclared == before; ++i) {
          gate g;
          weft::wait_group blocked;
          blocked.go([&] { g.pass(); });
          weft::this_fiber::yield();
          g.open();
          blocked.wait();
        }
        EXPECT_GT(sched.counts.detached_undeclared.load(), before);
      },
      {.procs = 1, .time_slice = 1us});
}

TEST(detach_threads, refused_to_fibers_from_outside_are_asked_for_again) {
  weft::start({.procs = 1});
  weft::detail::testing_fail_threads = true;
  gate g;
  std::atomic<bool> ran{false};
  weft::go([&] { g.pass(); });
  EXPECT_TRUE(weft_testing::eventually([] { return sched.detached > 0 && sched.sysmon_deep; }));
  weft::go([&] { ran = true; });
  weft::detail::testing_fail_threads = false;
  EXPECT_TRUE(weft_testing::eventually([&] { return ran.load(); }, 5s));
  g.open();
  weft::stop();
}

// From now on membarrier(2) fails, on all threads.
bool forbid_membarrier() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(code), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0;
}

TEST(detach_limits, a_barrier_that_is_refused_later_takes_no_ps_and_says_so) {
  const auto child = weft_testing::run_in_child([] {
    weft::start({.procs = 1});
    if (!sched.membarrier || !forbid_membarrier()) {
      return 77;
    }
    spin_loop loop;
    auto hog = weft::spawn([&] { loop.run(); });
    const bool asked = weft_testing::eventually([] { return sched.counts.yields_asked > 0; });
    std::this_thread::sleep_for(50ms);  // it would be taken by then; right either way
    const bool taken = sched.detached > 0;
    loop.end();
    hog.join();
    weft::stop();
    return asked && !taken ? 0 : 1;
  });
  if (child.exit_status == 77) {
    GTEST_SKIP() << "no membarrier, or no seccomp";
  }
  EXPECT_EQ(child.exit_status, 0) << child.errors;
  EXPECT_NE(child.errors.find("membarrier"), std::string::npos) << child.errors;
}

TEST(detach_limits, too_many_threads_end_the_process_with_a_reason) {
  const auto child = weft_testing::run_in_child([] {
    weft::run(
        [] {
          const gate g;
          for (int i = 0; i < 20; ++i) {
            weft::go([&] { g.pass(); });
          }
          weft::this_fiber::sleep_for(20s);
        },
        {.procs = 2, .max_threads = 6});
    return 0;
  });
  EXPECT_NE(child.signal, 0);
  EXPECT_NE(child.errors.find("max_threads"), std::string::npos) << child.errors;
}

TEST(detach_threads, spare_ones_end_after_a_while) {
  weft::detail::testing_spare_patience_ns = 1'000'000;
  const auto before = sched.counts.threads_ended.load();
  weft::run(
      [before] {
        gate g;
        weft::wait_group blocked;
        for (int i = 0; i < 8; ++i) {
          blocked.go([&] { g.pass(); });
        }
        EXPECT_TRUE(weft_testing::eventually([] { return sched.detached.load() >= 8; }));
        for (int i = 0; i < 8; ++i) {
          g.open();
        }
        blocked.wait();
        // Two of the Ps, sysmon, the calling thread, and the last one to end.
        EXPECT_TRUE(weft_testing::eventually([] {
          return sched.counts.threads_ended.load() > 0 &&
                 weft_testing::thread_count() <= 5 + (weft_testing::under_tsan ? 1 : 0);
        }));
      },
      {.procs = 2});
  weft::detail::testing_spare_patience_ns = 5'000'000'000;
}

}  // namespace
