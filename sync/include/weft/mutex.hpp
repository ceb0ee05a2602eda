// Mutual exclusion for fibers and plain threads: mutex, timed_mutex.
//
//   weft::mutex m;
//   const std::scoped_lock hold(m);    // std::unique_lock, std::lock and the rest fit too
//
// A fiber that has to wait leaves its P to others; a plain thread blocks in the kernel. A fiber
// may hold a mutex while it waits for something else, and may unlock it on another thread than it
// locked it on. Whoever locked it unlocks it. It is not recursive.
//
// Fairness: as Go's sync.Mutex. Normally whoever comes first gets a free mutex, also before those
// who wait (that is what makes it fast); they wait in the order in which they came. Once a waiter
// that was woken has waited for more than 1 ms in vain, the mutex is handed over directly from
// owner to waiter until somebody gets it who has waited for less.
//
// A mutex may be destroyed as soon as nobody holds it or waits for it, even if the last unlock()
// is still on its way back to its caller.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "weft/detail/deadline.hpp"
#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"

namespace weft {

// Meets the standard's Lockable requirements.
//
// Invariant: a waiter stands in waiters_ only while bit `waiting` is set. If the mutex is free and
//   `waiting` is set, then so is `woken`: some waiter has left the queue and competes. While
//   `starving` is set the mutex is never free.
// Atomics: word_   `locked` is set by CAS acquire and cleared by CAS release: what an owner did
//                  happens-before the next one has it. `waiting` and `starving` are written with
//                  guard_ held. `woken` is set with guard_ held, by the owner; the waiter it stands
//                  for clears it.
//          spins_, passed_over_  hints about the past; relaxed.
// Tested by: tests/unit/mutex_test.cpp, tests/stress/sync_stress.cpp
class mutex {
 public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  // Locks; waits while another has it. Synchronizes with the unlock() before. One locked
  // instruction when it is free. stop() lets the wait go on for as long as the owner can still
  // unlock; only then it ends with weft::unwind, the mutex not locked.
  void lock() {
    if (!lock_free()) [[unlikely]] {
      lock_slow(no_deadline);
    }
  }

  // Locks if it is free. Never waits.
  bool try_lock() noexcept { return lock_free() || try_lock_slow(); }

  // Unlocks. Never waits. One locked instruction when nobody waits. Throws
  // std::system_error(operation_not_permitted) if it is not locked.
  void unlock() {
    std::uint32_t held = locked;
    if (!word_.compare_exchange_strong(held, 0, std::memory_order_release,
                                       std::memory_order_relaxed)) [[unlikely]] {
      unlock_slow();
    }
  }

 private:
  friend class timed_mutex;
  friend class condition_variable;
  struct waiting_turn;

  static constexpr std::uint32_t locked = 1;
  static constexpr std::uint32_t waiting = 2;
  static constexpr std::uint32_t woken = 4;
  static constexpr std::uint32_t starving = 8;
  static constexpr std::int64_t no_deadline = INT64_MAX;

  bool lock_free() noexcept {
    std::uint32_t free = 0;
    return word_.compare_exchange_strong(free, locked, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

  WEFT_API bool lock_slow(std::int64_t deadline);
  WEFT_API bool try_lock_slow() noexcept;
  WEFT_API void unlock_slow();

  bool acquire(std::uint32_t clear) noexcept;
  bool spin(std::uint32_t clear) noexcept;
  void let_woken_run() noexcept;
  bool acquire_or_announce(bool awake, bool starved) noexcept;
  bool release(detail::G*& to_ready) noexcept;
  bool release_to_waiter(detail::G*& to_ready) noexcept;

  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint16_t> spins_{4};
  std::atomic<std::uint16_t> passed_over_{0};
  detail::lock guard_;
  detail::wait_queue waiters_;  // guarded by guard_
};

// A mutex that can be waited for until a deadline. Meets the standard's TimedLockable requirements;
// as mutex otherwise.
class timed_mutex {
 public:
  constexpr timed_mutex() noexcept = default;
  timed_mutex(const timed_mutex&) = delete;
  timed_mutex& operator=(const timed_mutex&) = delete;

  void lock() { mutex_.lock(); }
  bool try_lock() noexcept { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }

  // Locks; waits until it is free or the time has come. False: the time came first. A deadline
  // that has passed does not keep it from locking a free mutex.
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) {
    return mutex_.lock_free() || try_lock_at(detail::deadline_at(deadline));
  }
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) {
    return mutex_.lock_free() || try_lock_at(detail::deadline_in(timeout));
  }

 private:
  bool try_lock_at(clock::time_point deadline) {
    return mutex_.lock_slow(deadline.time_since_epoch().count());
  }

  mutex mutex_;
};

}  // namespace weft
