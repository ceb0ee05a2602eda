// lock_os_thread(): the fiber keeps its thread, nobody else runs there, its P serves others.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>

#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;

class lock_thread : public weft_testing::on_procs {};
WEFT_ON_PROCS(lock_thread);

long thread_id() { return syscall(SYS_gettid); }

// Fibers that record which threads they run on, for as long as it lives.
class busy_others {
 public:
  explicit busy_others(int count, std::atomic<long>* forbidden) {
    for (int i = 0; i < count; ++i) {
      group_.go([this, forbidden] {
        while (!end_) {
          intruders_ += thread_id() == *forbidden;
          weft::this_fiber::yield();
          if (next_++ % 16 == 0) {
            weft::this_fiber::sleep_for(10us);
          }
        }
      });
    }
  }
  int finish() {
    end_ = true;
    group_.wait();
    return intruders_;
  }

 private:
  std::atomic<bool> end_{false};
  std::atomic<int> intruders_{0};
  std::atomic<unsigned> next_{0};
  weft::wait_group group_;
};

TEST_P(lock_thread, every_wait_returns_to_the_thread_and_nobody_else_runs_there) {
  run([] {
    std::atomic<long> mine{0};
    weft::chan<int> ping;
    weft::chan<int> pong;
    weft::mutex m;
    busy_others others(4, &mine);
    auto echo = weft::spawn([=] {
      for (const int v : ping) {
        pong.send(v);
      }
    });
    auto locked = weft::spawn([&] {
      weft::lock_os_thread();
      mine = thread_id();
      for (int i = 0; i < 50; ++i) {
        ping.send(i);
        EXPECT_EQ(pong.recv(), i);
        EXPECT_EQ(thread_id(), mine);
        weft::this_fiber::yield();
        EXPECT_EQ(thread_id(), mine);
        weft::this_fiber::sleep_for(20us);
        EXPECT_EQ(thread_id(), mine);
        weft::spawn([] { weft::this_fiber::yield(); }).join();
        const std::scoped_lock hold(m);
        EXPECT_EQ(thread_id(), mine);
      }
      mine = 0;
      weft::unlock_os_thread();
    });
    locked.join();
    ping.close();
    echo.join();
    EXPECT_EQ(others.finish(), 0);
  });
}

TEST_P(lock_thread, a_child_joined_at_once_runs_elsewhere) {
  run([] {
    weft::lock_os_thread();
    const long mine = thread_id();
    EXPECT_NE(weft::spawn(thread_id).join(), mine);
    EXPECT_EQ(thread_id(), mine);
    weft::unlock_os_thread();
  });
}

TEST_P(lock_thread, counts_its_calls) {
  run([] {
    weft::unlock_os_thread();  // without a lock: nothing
    weft::lock_os_thread();
    weft::lock_os_thread();
    weft::unlock_os_thread();
    const long mine = thread_id();
    EXPECT_NE(weft::spawn(thread_id).join(), mine);
    weft::unlock_os_thread();
    weft::this_fiber::yield();
  });
}

TEST_P(lock_thread, two_locked_fibers_talk) {
  run([] {
    weft::chan<int> c;
    const auto talk = [](auto step) {
      weft::lock_os_thread();
      const long mine = thread_id();
      for (int i = 0; i < 100; ++i) {
        step(i);
        EXPECT_EQ(thread_id(), mine);
      }
      weft::unlock_os_thread();
      return mine;
    };
    auto one = weft::spawn([&] { return talk([&](int i) { c.send(i); }); });
    auto two = weft::spawn([&] { return talk([&](int i) { EXPECT_EQ(c.recv(), i); }); });
    EXPECT_NE(one.join(), two.join());
  });
}

TEST_P(lock_thread, ending_locked_ends_the_thread) {
  run([] {
    const long ended = weft::spawn([] {
                         weft::this_fiber::yield();
                         weft::lock_os_thread();
                         return thread_id();
                       }).join();
    EXPECT_TRUE(weft_testing::eventually(
        [=] { return !std::filesystem::exists("/proc/self/task/" + std::to_string(ended)); }));
    weft::spawn([] {}).join();
  });
}

TEST_P(lock_thread, is_unwound_at_stop) {
  bool unwound = false;
  run([&] {
    struct at_end {
      bool* flag;
      long thread;
      ~at_end() { *flag = thread_id() == thread; }
    };
    weft::chan<void> locked;
    weft::go([&] {
      weft::lock_os_thread();
      const at_end mark{&unwound, thread_id()};
      locked.send();
      weft::chan<int>().recv();
    });
    locked.recv();
  });
  EXPECT_TRUE(unwound);
}

TEST(lock_thread_on_a_thread, does_nothing) {
  weft::lock_os_thread();
  weft::unlock_os_thread();
  EXPECT_FALSE(weft::running());
}

}  // namespace
