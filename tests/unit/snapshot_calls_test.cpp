// From where and when snapshot() may be called.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/debug.hpp"

namespace {

using weft::snapshot;
using weft::stats;

class snapshot_calls : public weft_testing::on_procs {};
WEFT_ON_PROCS(snapshot_calls);

std::uint64_t all_parks(const stats& s) {
  std::uint64_t sum = 0;
  for (const auto& park : s.parks) {
    sum += park.times;
  }
  return sum;
}

void park_once() {
  const weft::chan<int> c;
  weft::go([c] { c.recv(); });
  while (!weft_testing::wait_until_waiting(weft::detail::wait_reason::chan_recv, 1)) {
  }
  c.send(1);
}

TEST_P(snapshot_calls, while_nothing_runs_levels_are_0_and_events_stay) {
  const std::uint64_t before = all_parks(snapshot());
  run(park_once);
  const stats s = snapshot();
  EXPECT_GT(all_parks(s), before);
  EXPECT_GT(s.threads.made, 0U);
  EXPECT_EQ(s.fibers.running + s.fibers.runnable + s.fibers.waiting + s.fibers.ended, 0U);
  EXPECT_EQ(s.procs.total, 0);
  EXPECT_EQ(s.procs.idle, 0);
  EXPECT_EQ(s.threads.total, 0);
  EXPECT_EQ(s.threads.with_p, 0);
  EXPECT_EQ(s.threads.spare, 0);
  EXPECT_EQ(s.run_queues.of_procs.size(), 0U);
  EXPECT_EQ(s.timers, 0U);
  EXPECT_EQ(s.stacks.address_bytes, 0U);
}

// Beside start(), stop() and everything else; events never go back.
TEST_P(snapshot_calls, from_plain_threads_at_any_time) {
  std::atomic<bool> over{false};
  std::atomic<int> taken{0};
  std::thread other([&] {
    std::uint64_t last = 0;
    while (!over.load()) {
      const stats s = snapshot();
      const std::uint64_t now = all_parks(s);
      EXPECT_GE(now, last);
      last = now;
      taken.fetch_add(1);
    }
  });
  const int runs = weft_testing::scaled(100, 10);
  for (int i = 0; i < runs || taken.load() < runs; ++i) {
    weft::run(
        [] {
          for (int n = 0; n < 100; ++n) {
            weft::go([] { weft::this_fiber::yield(); });
          }
          park_once();
        },
        {.procs = GetParam()});
  }
  over = true;
  other.join();
}

TEST_P(snapshot_calls, from_fibers_while_stop_unwinds_them) {
  std::atomic<bool> ended{false};
  run([&ended] {
    weft::go([&ended] {
      struct at_end {
        std::atomic<bool>* flag;
        ~at_end() {
          EXPECT_GE(snapshot().fibers.running, 1U);
          *flag = true;
        }
      } const last{&ended};
      weft::chan<int>().recv();
    });
    EXPECT_TRUE(weft_testing::wait_until_waiting(weft::detail::wait_reason::chan_recv, 1));
  });
  EXPECT_TRUE(ended);
}

TEST_P(snapshot_calls, in_the_child_of_a_fork_say_what_has_been) {
  if (weft_testing::under_tsan) {
    GTEST_SKIP() << "ThreadSanitizer ends such children";
  }
  run([] {
    const pid_t child = fork();
    if (child == 0) {
      const stats s = snapshot();
      _exit(s.procs.total == 0 && s.threads.made > 0 ? 5 : 1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 5) << status;
  });
}

}  // namespace
