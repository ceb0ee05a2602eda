// stop() and plain threads that wait patiently: for a mutex, a wait_group and the like.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "support/runtime_fixture.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;

class stop_patient : public weft_testing::per_procs {
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
WEFT_TEST_PER_PROCS(stop_patient);

TEST_P(stop_patient, waits_for_a_mutex_end) {
  weft::mutex mutex;
  mutex.lock();
  expect_unwound([&] { mutex.lock(); });
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock());  // nobody is left in line
  mutex.unlock();
}

TEST_P(stop_patient, waits_for_a_shared_mutex_end) {
  weft::shared_mutex mutex;
  mutex.lock();
  expect_unwound([&] { mutex.lock_shared(); });
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST_P(stop_patient, waits_for_a_wait_group_end) {
  weft::wait_group group;
  group.add(1);
  expect_unwound([&] { group.wait(); });
}

TEST_P(stop_patient, waits_for_a_latch_end) {
  weft::latch latch(1);
  expect_unwound([&] { latch.wait(); });
}

// Its owner is no fiber, and may unlock at any time.
TEST_P(stop_patient, wait_for_a_thread_that_goes_on_is_left) {
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

}  // namespace
