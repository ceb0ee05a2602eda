// A profiler's signals come at any moment, in the middle of a switch too, and walk the stack.
#include <execinfo.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/sync.hpp"

namespace {

using weft::detail::M;
using weft::detail::sched;

std::atomic<int> walks{0};
std::atomic<int> deepest{0};

void walk(int, siginfo_t*, void*) {
  const int saved = errno;
  std::array<void*, 64> frames;
  const int depth = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  if (depth > deepest.load(std::memory_order_relaxed)) {
    deepest.store(depth, std::memory_order_relaxed);
  }
  walks.fetch_add(1, std::memory_order_relaxed);
  errno = saved;
}

class profiler : public weft_testing::on_procs {
 protected:
  void SetUp() override {
    std::array<void*, 4> frames;
    ::backtrace(frames.data(), static_cast<int>(frames.size()));  // loads what it needs
    struct sigaction action {};
    action.sa_sigaction = walk;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGPROF, &action, &before_);
    walks = 0;
    deepest = 0;
  }
  void TearDown() override { sigaction(SIGPROF, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};
WEFT_ON_PROCS(profiler);

std::vector<int> runtime_threads() {
  std::vector<int> ids;
  sched.idle.guard.acquire();
  for (const M* m = sched.all_ms; m != nullptr; m = m->next_of_all) {
    if (const int id = m->thread_id.load(); id != 0) {
      ids.push_back(id);
    }
  }
  sched.idle.guard.release();
  return ids;
}

// Signals every thread of the runtime, one at a time, until `end`.
void sample(const std::atomic<bool>& end) {
  while (!end) {
    for (const int id : runtime_threads()) {
      syscall(SYS_tgkill, getpid(), id, SIGPROF);
    }
    std::this_thread::yield();
  }
}

TEST_P(profiler, may_walk_at_any_moment) {
  run([] {
    std::atomic<bool> end{false};
    std::thread sampler([&] { sample(end); });
    static constexpr int wanted = weft_testing::scaled(20'000, 1'000);
    weft::wait_group group;
    for (int i = 0; i < 2; ++i) {
      const weft::chan<int> there;
      const weft::chan<int> back;
      group.go([there, back] {
        for (const int v : there) {
          back.send(v + 1);
        }
        back.close();
      });
      group.go([there, back] {
        for (int v = 0; walks < wanted; ++v) {
          there.send(v);
          EXPECT_EQ(*back.recv(), v + 1);
          weft::spawn([] { weft::this_fiber::yield(); }).join();
        }
        there.close();
      });
    }
    group.wait();
    EXPECT_GT(deepest, 4);  // into the fiber's own functions
    end = true;
    weft::blocking([&] { sampler.join(); });
  });
}

}  // namespace
