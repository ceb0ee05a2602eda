// Waiting for a condition that a mutex guards: condition_variable.
//
//   std::unique_lock hold(m);                       // weft::mutex m
//   changed.wait(hold, [&] { return !queue.empty(); });
//   ...
//   { const std::scoped_lock hold(m); queue.push(x); }
//   changed.notify_one();
//
// The interface is that of std::condition_variable. notify_one() wakes the one who has waited
// longest. Nobody is woken without a notify, a deadline or stop(); but by the time a woken waiter
// has the mutex the condition may be false again, so use the forms with a predicate.
//
// From fibers and plain threads. It may be destroyed once all who wait have been notified, even
// before they have returned. All who wait at the same time must use the same mutex.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "weft/detail/deadline.hpp"
#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"
#include "weft/mutex.hpp"

namespace weft {

using std::cv_status;

// Invariant: if waiters_ is not empty, anyone_ is true. A waiter is in the queue before its mutex
//   is unlocked, so a notify that comes after it by the mutex's order finds it.
// Atomics: anyone_  written with guard_ held; read by notify without it, relaxed: a waiter that
//                   must be found has unlocked the mutex since, and the notifier has locked it.
// Tested by: tests/unit/condition_variable_test.cpp, tests/stress/sync_stress.cpp
class condition_variable {
 public:
  constexpr condition_variable() noexcept = default;
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  // Wakes the longest waiting, or all. Never waits. About a load when nobody waits. The caller
  // need not hold the mutex, but must have held it since the condition changed.
  void notify_one() noexcept {
    if (anyone_.load(std::memory_order_relaxed)) {
      notify_slow(false);
    }
  }
  void notify_all() noexcept {
    if (anyone_.load(std::memory_order_relaxed)) {
      notify_slow(true);
    }
  }

  // Unlocks the mutex and waits, in one step with regard to notify; locks it again before it
  // returns or throws. Throws std::system_error(operation_not_permitted) if `hold` does not hold
  // its mutex. Ends with weft::unwind at stop(), the mutex locked (unless its owner can never
  // unlock it any more: then `hold` is released, as by hold.release()).
  void wait(std::unique_lock<mutex>& hold) { wait_slow(hold, INT64_MAX); }

  template <class Predicate>
  void wait(std::unique_lock<mutex>& hold, Predicate holds) {
    while (!holds()) {
      wait(hold);
    }
  }

  // cv_status::timeout: the time came before a notify. With a predicate: what it says at the end.
  template <class Clock, class Duration>
  cv_status wait_until(std::unique_lock<mutex>& hold,
                       const std::chrono::time_point<Clock, Duration>& deadline) {
    return wait_slow(hold, detail::deadline_at(deadline).time_since_epoch().count());
  }
  template <class Clock, class Duration, class Predicate>
  bool wait_until(std::unique_lock<mutex>& hold,
                  const std::chrono::time_point<Clock, Duration>& deadline, Predicate holds) {
    while (!holds()) {
      if (wait_until(hold, deadline) == cv_status::timeout) {
        return holds();
      }
    }
    return true;
  }
  template <class Rep, class Period>
  cv_status wait_for(std::unique_lock<mutex>& hold,
                     const std::chrono::duration<Rep, Period>& timeout) {
    return wait_until(hold, detail::deadline_in(timeout));
  }
  template <class Rep, class Period, class Predicate>
  bool wait_for(std::unique_lock<mutex>& hold, const std::chrono::duration<Rep, Period>& timeout,
                Predicate holds) {
    return wait_until(hold, detail::deadline_in(timeout), std::move(holds));
  }

 private:
  struct parting;

  WEFT_API cv_status wait_slow(std::unique_lock<mutex>& hold, std::int64_t deadline);
  WEFT_API void notify_slow(bool all) noexcept;

  static void part(void* arg) noexcept;

  std::atomic<bool> anyone_{false};
  detail::lock guard_;
  detail::wait_queue waiters_;  // guarded by guard_
};

}  // namespace weft
