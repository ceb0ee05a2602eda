// A fiber that was picked to run, but for which its M has to go through its own stack first, runs
// before those that the leaving fiber's commit readies: else two fibers that wake each other by
// their commits could keep it waiting for ever.
#include <gtest/gtest.h>

#include <mutex>

#include "runtime/scheduler/scheduler.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/condition_variable.hpp"
#include "weft/mutex.hpp"
#include "weft/wait_group.hpp"

namespace {

// On one P: another one would take the fiber.
class overtaken : public weft_testing::on_procs {};
INSTANTIATE_TEST_SUITE_P(, overtaken, testing::Values(1), weft_testing::procs_name);

bool has_no_stacks() {
  const weft::detail::entry in;
  return weft::detail::current_m()->p.load()->stacks.empty();
}

// Two fibers; all that the second one's wait does to wake the first one is done in its commit.
class monitor {
 public:
  static constexpr int most = 100'000;

  explicit monitor(bool lock_threads) : lock_threads_(lock_threads) {
    group_.go([this] { first(); });
    group_.go([this] { second(); });
  }
  void end() {
    over_ = true;
    group_.wait();
  }
  int rounds() const { return rounds_; }

 private:
  void first() {
    if (lock_threads_) {
      weft::lock_os_thread();
    }
    while (to_first_.recv()) {  // the second one holds the mutex
      to_second_.send(1);
      mutex_.lock();  // until the second one waits, and its commit unlocks
      mutex_.unlock();
      changed_.notify_one();
    }
  }
  void second() {
    if (lock_threads_) {
      weft::lock_os_thread();
    }
    std::unique_lock hold(mutex_);
    while (!over_ && rounds_ < most) {
      to_first_.send(1);
      (void)to_second_.recv();
      ++rounds_;
      changed_.wait(hold);
    }
    to_first_.close();
  }

  const bool lock_threads_;
  bool over_ = false;
  int rounds_ = 0;
  weft::mutex mutex_;
  weft::condition_variable changed_;
  const weft::chan<int> to_first_;
  const weft::chan<int> to_second_;
  weft::wait_group group_;
};

TEST_P(overtaken, a_fiber_that_needs_a_new_stack_is_not) {
  run([] {
    monitor two(false);
    const weft::chan<int> waking;
    const weft::chan<int> parking;
    weft::wait_group group;
    group.go([&] {
      while (waking.recv()) {  // not to end, which would give a stack back
      }
    });
    int parked = 0;
    do {
      group.go([&] { (void)parking.recv(); });
      weft::this_fiber::yield();
    } while (!has_no_stacks() && ++parked < 100);
    EXPECT_TRUE(has_no_stacks());
    const int before = two.rounds();
    int when_it_ran = -1;
    group.go([&] { when_it_ran = two.rounds(); });
    waking.send(1);  // whom that readies is next, so the new one goes to the ring
    while (when_it_ran < 0 && two.rounds() < monitor::most) {
      weft::this_fiber::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_LT(when_it_ran - before, 1000);
    EXPECT_GE(when_it_ran, 0);
    two.end();
    waking.close();
    parking.close();
    group.wait();
  });
}

TEST_P(overtaken, a_fiber_beside_others_that_have_locked_their_threads_is_not) {
  run([] {
    monitor two(true);
    for (int i = 0; i < 4; ++i) {
      weft::this_fiber::yield();
    }
    EXPECT_LT(two.rounds(), 1000);
    two.end();
  });
}

}  // namespace
