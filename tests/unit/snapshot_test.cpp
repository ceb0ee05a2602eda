// Every number of snapshot(): each test brings about what one of them tells of.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "runtime/scheduler/detach.hpp"
#include "runtime/scheduler/world.hpp"
#include "support/hog.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/debug.hpp"
#include "weft/sync.hpp"
#include "weft/time.hpp"

namespace {

using namespace std::chrono_literals;
using weft::snapshot;
using weft::stats;
using weft::detail::sched;
using weft::detail::wait_reason;
using weft::detail::world_hold;
using weft_testing::eventually;
using weft_testing::gate;
using weft_testing::spin_loop;
using weft_testing::wait_until_waiting;

class snapshots : public weft_testing::on_procs {
 protected:
  // For tests that look from a plain thread.
  template <class F>
  void run_beside(F&& body) {
    const int threads_before = weft_testing::thread_count();
    weft::start({.procs = GetParam()});
    body();
    weft::stop();
    weft_testing::expect_nothing_left(threads_before);
  }
};
WEFT_ON_PROCS(snapshots);

// Fibers that compute until told to end. When made, all of them run.
class hogs {
 public:
  explicit hogs(int count) {
    for (int i = 0; i < count; ++i) {
      fibers_.push_back(weft::spawn([this] {
        started_.fetch_add(1);
        loop_.run();
      }));
    }
    EXPECT_TRUE(eventually([&] { return started_.load() == count; }));
  }
  ~hogs() { loop_.end(); }
  hogs(const hogs&) = delete;
  hogs& operator=(const hogs&) = delete;

 private:
  std::atomic<int> started_{0};
  spin_loop loop_;
  std::vector<weft::fiber<void>> fibers_;
};

// No hog loses its P because of its slice from here on, if `most` have already.
class hog_cap {
 public:
  explicit hog_cap(int most) : before_(weft::detail::testing_most_hogs.exchange(most)) {}
  ~hog_cap() { weft::detail::testing_most_hogs = before_; }
  hog_cap(const hog_cap&) = delete;
  hog_cap& operator=(const hog_cap&) = delete;

 private:
  const int before_;
};

TEST_P(snapshots, count_fibers_by_state) {
  run([] {
    const weft::chan<int> c;
    for (int i = 0; i < 5; ++i) {
      weft::go([c] { c.recv(); });
    }
    EXPECT_TRUE(wait_until_waiting(wait_reason::chan_recv, 5));
    auto over = weft::spawn([] {});
    EXPECT_TRUE(eventually([] { return snapshot().fibers.ended == 1; }));
    const stats s = snapshot();
    EXPECT_EQ(s.fibers.waiting, 5U);
    EXPECT_EQ(s.fibers.running, 1U);
    EXPECT_EQ(s.fibers.runnable, 0U);
    over.join();
    EXPECT_EQ(snapshot().fibers.ended, 0U);
    c.close();
    EXPECT_TRUE(eventually([] { return snapshot().fibers.waiting == 0; }));
  });
}

TEST_P(snapshots, show_the_global_queue) {
  run_beside([] {
    weft::wait_group group;
    {
      const world_hold nobody_runs;
      for (int i = 0; i < 10; ++i) {
        group.go([] {});
      }
      const stats s = snapshot();
      EXPECT_EQ(s.run_queues.global, 10U);
      EXPECT_EQ(s.fibers.runnable, 10U);
      EXPECT_EQ(s.fibers.running, 0U);
    }
    group.wait();
    EXPECT_EQ(snapshot().run_queues.global, 0U);
  });
}

TEST_P(snapshots, show_the_queues_of_ps) {
  run([] {
    const auto procs = static_cast<std::size_t>(GetParam());
    // Again, when others have taken some before the look.
    EXPECT_TRUE(eventually([procs] {
      weft::wait_group group;
      for (int i = 0; i < 10; ++i) {
        group.go([] {});
      }
      const stats s = snapshot();
      group.wait();
      const auto& queues = s.run_queues.of_procs;
      EXPECT_EQ(queues.size(), procs);
      return std::accumulate(queues.begin(), queues.end(), std::size_t{0}) == 10 &&
             std::count(queues.begin(), queues.end(), 0U) == static_cast<int>(procs) - 1;
    }));
  });
}

TEST_P(snapshots, count_ps) {
  run_beside([] {
    weft::spawn([] {
      EXPECT_TRUE(eventually([] { return snapshot().procs.idle == GetParam() - 1; }));
      EXPECT_EQ(snapshot().procs.total, GetParam());
    }).join();
    EXPECT_TRUE(eventually([] { return snapshot().procs.idle == GetParam(); }));
    weft::set_procs(3);
    EXPECT_EQ(snapshot().procs.total, 3);
    EXPECT_EQ(snapshot().run_queues.of_procs.size(), 3U);
  });
}

TEST_P(snapshots, count_blocked_and_spare_threads) {
  run([] {
    const stats before = snapshot();
    const gate g;
    weft::wait_group blocked;
    const int count = 2 * GetParam() + 1;
    for (int i = 0; i < count; ++i) {
      blocked.go([&] { g.pass(); });
    }
    EXPECT_TRUE(eventually([count] { return snapshot().threads.detached == count; }));
    const stats during = snapshot();
    EXPECT_GT(during.threads.total, count);
    EXPECT_LE(during.threads.hogs, count);  // on a busy machine some are over their slice first
    EXPECT_GE(during.threads.with_p, 1);
    EXPECT_LE(during.threads.with_p, GetParam());
    EXPECT_EQ(during.threads.made - before.threads.made,
              static_cast<unsigned>(during.threads.total - before.threads.total));
    EXPECT_GE(during.preemptions.detached_in_undeclared + during.preemptions.detached_for_slice,
              before.preemptions.detached_in_undeclared + before.preemptions.detached_for_slice +
                  static_cast<unsigned>(count));
    for (int i = 0; i < count; ++i) {
      g.open();
    }
    blocked.wait();
    EXPECT_TRUE(eventually([] {
      const stats after = snapshot();
      return after.threads.detached == 0 && after.threads.spare > 0 &&
             after.threads.spare == after.threads.total - after.threads.with_p;
    }));
  });
}

TEST_P(snapshots, count_threads_that_end) {
  weft::detail::testing_spare_patience_ns = 1'000'000;
  run([] {
    const stats before = snapshot();
    const gate g;
    weft::wait_group blocked;
    for (int i = 0; i < 10; ++i) {
      blocked.go([&] { g.pass(); });
    }
    EXPECT_TRUE(eventually([] { return snapshot().threads.detached == 10; }));
    for (int i = 0; i < 10; ++i) {
      g.open();
    }
    blocked.wait();
    EXPECT_TRUE(eventually([&before] {
      const stats s = snapshot();
      return s.threads.ended > before.threads.ended && s.threads.spare == 0;
    }));
  });
  weft::detail::testing_spare_patience_ns = 5'000'000'000;
}

TEST_P(snapshots, count_spinning_threads) {
  run_beside([] {
    EXPECT_TRUE(weft_testing::wait_until_idle());
    const world_hold nobody_runs;
    EXPECT_EQ(snapshot().threads.spinning, 0);
    sched.idle.spinning.fetch_add(2);
    EXPECT_EQ(snapshot().threads.spinning, 2);
    sched.idle.spinning.fetch_sub(2);
  });
}

TEST_P(snapshots, count_hogs) {
  run([] {
    const stats before = snapshot();
    const int count = GetParam() + 2;
    const hogs all(count);
    EXPECT_TRUE(eventually([count] { return snapshot().threads.hogs == count; }));
    const stats s = snapshot();
    EXPECT_EQ(s.threads.detached, count);
    EXPECT_EQ(s.fibers.running, static_cast<std::size_t>(count) + 1);
    // On a busy machine some are taken for another reason first.
    EXPECT_GT(s.preemptions.detached_for_slice, before.preemptions.detached_for_slice);
    EXPECT_GT(s.preemptions.asked_to_yield, before.preemptions.asked_to_yield);
    EXPECT_GT(s.hand_offs, before.hand_offs);
  });
}

TEST_P(snapshots, count_hogs_that_the_cap_keeps) {
  const hog_cap one(1);
  run_beside([] {
    const stats before = snapshot();
    spin_loop loop;
    weft::wait_group group;
    for (int i = 0; i < 2; ++i) {
      group.go([&] { loop.run(); });
    }
    EXPECT_TRUE(eventually(
        [&before] { return snapshot().preemptions.kept_by_cap > before.preemptions.kept_by_cap; }));
    EXPECT_EQ(snapshot().threads.hogs, 1);
    loop.end();
    group.wait();
  });
}

TEST_P(snapshots, count_declared_calls) {
  run([] {
    const stats before = snapshot();
    const gate g;
    auto call = weft::spawn([&] { weft::blocking([&] { g.pass(); }); });
    EXPECT_TRUE(eventually([&before] {
      return snapshot().preemptions.detached_in_declared > before.preemptions.detached_in_declared;
    }));
    g.open();
    call.join();
  });
}

// While every P is kept busy by somebody.
TEST_P(snapshots, count_hand_offs_at_once_and_returns_that_wait) {
  const hog_cap none(0);
  run([] {
    const stats before = snapshot();
    const gate g;
    auto call = weft::spawn([&] { weft::blocking(weft::hand_off_p::at_once, [&] { g.pass(); }); });
    EXPECT_TRUE(eventually([] { return snapshot().threads.detached == 1; }));
    {
      const hogs others(GetParam() - 1);
      g.open();
      while (sched.counts.returns_queued.load() == before.preemptions.returns_queued) {
      }
    }
    call.join();
    const stats s = snapshot();
    EXPECT_EQ(s.preemptions.detached_at_once, before.preemptions.detached_at_once + 1);
    EXPECT_EQ(s.preemptions.returns_queued, before.preemptions.returns_queued + 1);
  });
}

TEST_P(snapshots, count_steals) {
  run([] {
    const stats before = snapshot();
    if (GetParam() == 1) {
      for (int i = 0; i < 100; ++i) {
        weft::go([] {});
      }
      weft::this_fiber::yield();
      EXPECT_EQ(snapshot().steals.times, before.steals.times);
      return;
    }
    // Again and again: the other P may get them in other ways.
    EXPECT_TRUE(eventually([&before] {
      weft::wait_group group;
      for (int i = 0; i < 20; ++i) {
        group.go([] {
          const auto end = weft::clock::now() + 100us;
          while (weft::clock::now() < end) {
          }
        });
      }
      group.wait();
      return snapshot().steals.times > before.steals.times;
    }));
    const stats s = snapshot();
    EXPECT_GE(s.steals.fibers - before.steals.fibers, s.steals.times - before.steals.times);
  });
}

TEST_P(snapshots, count_timers) {
  run([] {
    const std::size_t before = snapshot().timers;
    for (int i = 0; i < 5; ++i) {
      weft::go([] { weft::this_fiber::sleep_for(1h); });
    }
    EXPECT_TRUE(eventually([before] { return snapshot().timers == before + 5; }));
    weft::timer alarm(1h);
    EXPECT_EQ(snapshot().timers, before + 6);
  });
}

TEST_P(snapshots, count_stacks) {
  run([] {
    constexpr std::size_t own_size = 8 << 20;
    constexpr std::size_t count = 200;
    const std::size_t before = snapshot().stacks.address_bytes;
    const weft::chan<int> c;
    for (std::size_t i = 0; i < count; ++i) {
      weft::go([c] { c.recv(); });
    }
    EXPECT_TRUE(wait_until_waiting(wait_reason::chan_recv, count));
    const auto many = snapshot().stacks;
    EXPECT_GE(many.mapped - many.free, count);
    EXPECT_GE(many.address_bytes, many.mapped * weft::options().stack_size);
    EXPECT_GE(many.address_bytes, before);
    weft::go({.stack_size = own_size}, [c] { c.recv(); });
    EXPECT_GE(snapshot().stacks.address_bytes, many.address_bytes + own_size);
    EXPECT_EQ(snapshot().polls, 0U);
  });
}

}  // namespace
