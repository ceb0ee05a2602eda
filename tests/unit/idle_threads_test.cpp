// Threads with nothing to do are left alone: plain ones that wait sleep in the kernel, and those of
// idle Ps are not woken for fibers that are done before they come.
#include <gtest/gtest.h>
#include <pthread.h>
#include <time.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "support/sync_support.hpp"
#include "weft/channel.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;
using weft::detail::sched;

class idle_threads : public per_procs {};
WEFT_TEST_PER_PROCS(idle_threads);

std::chrono::nanoseconds cpu_time(std::thread& of) {
  clockid_t clock{};
  timespec used{};
  EXPECT_EQ(pthread_getcpuclockid(of.native_handle(), &clock), 0);
  EXPECT_EQ(clock_gettime(clock, &used), 0);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

TEST_P(idle_threads, that_wait_use_no_processor) {
  weft::chan<int> c;
  weft::mutex m;
  weft::wait_group group;
  m.lock();
  group.add(1);
  std::array<std::thread, 3> threads{std::thread([&] { EXPECT_EQ(c.recv(), 1); }),
                                     std::thread([&] { const std::scoped_lock hold(m); }),
                                     std::thread([&] { group.wait(); })};
  EXPECT_TRUE(wait_until_threads_waiting(3));
  std::array<std::chrono::nanoseconds, 3> before{};
  for (std::size_t i = 0; i < threads.size(); ++i) {
    before[i] = cpu_time(threads[i]);
  }
  std::this_thread::sleep_for(200ms);
  for (std::size_t i = 0; i < threads.size(); ++i) {
    EXPECT_LT(cpu_time(threads[i]) - before[i], 10ms) << i;  // some microseconds
  }
  c.send(1);
  m.unlock();
  group.done();
  for (auto& t : threads) {
    t.join();
  }
}

// One fiber at a time, started when every other P's thread sleeps: its starter could wake one each
// time, in vain, for the fiber has ended when that thread has woken up.
TEST(idle_procs, are_not_woken_each_time_for_fibers_that_end_at_once) {
  constexpr int fibers = 1000;
  for (const int procs : {2, 4, 8}) {
    std::uint32_t in_vain = 0;
    int ran = 0;
    weft::run(
        [&] {
          const auto others_sleep = [procs] {
            return sched.idle.willing == procs - 1 && sched.idle.spinning == 0;
          };
          const std::uint32_t before = sched.idle.fruitless;
          for (int i = 0; i < fibers; ++i) {
            const auto give_up = std::chrono::steady_clock::now() + 10s;
            while (!others_sleep() && std::chrono::steady_clock::now() < give_up) {
            }
            weft::go([&ran] { ++ran; });
            weft::this_fiber::yield();
          }
          in_vain = sched.idle.fruitless - before;
        },
        {.procs = procs, .time_slice = 24h});
    EXPECT_EQ(ran, fibers);
    // About every 64th, and a few until the spells are so long; more if the starter loses its
    // processor before it yields.
    EXPECT_LT(in_vain, fibers / 4) << procs;
  }
}

}  // namespace
