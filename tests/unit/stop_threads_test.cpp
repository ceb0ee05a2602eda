// stop() and plain threads that wait: patiently, for a mutex, a wait_group and the like; and in
// destructors that run while an exception is on its way, which a second one must not leave.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "support/runtime_fixture.hpp"
#include "weft/channel.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;

class stop_threads : public weft_testing::per_procs {
 protected:
  // The wait of a plain thread ends with weft::unwind when the runtime has stopped.
  static void expect_unwound(const std::function<void()>& wait) {
    bool unwound = false;
    std::thread thread([&] {
      try {
        wait();
      } catch (const weft::unwind&) {
        unwound = true;
      }
    });
    ASSERT_TRUE(weft_testing::wait_until_threads_waiting(1));
    weft::stop();
    thread.join();
    EXPECT_TRUE(unwound);
  }
};
WEFT_TEST_PER_PROCS(stop_threads);

TEST_P(stop_threads, patient_waits_for_a_mutex_end) {
  weft::mutex mutex;
  mutex.lock();
  expect_unwound([&] { mutex.lock(); });
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock());  // nobody is left in line
  mutex.unlock();
}

TEST_P(stop_threads, patient_waits_for_a_shared_mutex_end) {
  weft::shared_mutex mutex;
  mutex.lock();
  expect_unwound([&] { mutex.lock_shared(); });
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST_P(stop_threads, patient_waits_for_a_wait_group_end) {
  weft::wait_group group;
  group.add(1);
  expect_unwound([&] { group.wait(); });
}

TEST_P(stop_threads, patient_waits_for_a_latch_end) {
  weft::latch latch(1);
  expect_unwound([&] { latch.wait(); });
}

// Its owner is no fiber, and may unlock at any time.
TEST_P(stop_threads, wait_for_a_thread_that_goes_on_is_left) {
  weft::mutex mutex;
  std::unique_lock hold(mutex);
  weft_testing::flag stopped;
  bool locked = false;
  std::thread waiter([&] {
    mutex.lock();
    locked = stopped.is_set();
    mutex.unlock();
  });
  ASSERT_TRUE(weft_testing::wait_until_threads_waiting(1));
  std::thread([&] {
    weft::stop();
    stopped.set();
  }).join();
  hold.unlock();
  waiter.join();
  EXPECT_TRUE(locked);
}

// Runs a function at the end of its scope.
template <class F>
struct at_end {
  F f;
  ~at_end() { f(); }
};

TEST_P(stop_threads, waits_of_destructors_in_an_unwinding_are_left) {
  weft::mutex mutex;
  std::unique_lock hold(mutex);
  const weft::chan<int> channel;
  int caught = 0;
  const auto unwind_through = [&](auto destructor) {
    return std::thread([&caught, destructor] {
      try {
        const at_end<decltype(destructor)> wait{destructor};
        throw 1;
      } catch (int) {
        ++caught;
      }
    });
  };
  std::thread locks = unwind_through([&] { const std::scoped_lock also(mutex); });
  std::thread receives = unwind_through([&] { (void)channel.recv(); });
  ASSERT_TRUE(weft_testing::wait_until_threads_waiting(2));
  weft::stop();
  channel.close();
  receives.join();
  hold.unlock();
  locks.join();
  EXPECT_EQ(caught, 2);
}

}  // namespace
