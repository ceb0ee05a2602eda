// A lock held by one writer or by many readers: shared_mutex.
//
//   weft::shared_mutex m;
//   const std::shared_lock reading(m);
//   const std::unique_lock writing(m);
//
// Fairness: phases, as in Go's sync.RWMutex. While a writer waits, new readers wait behind it.
// When a writer unlocks, all readers that wait then get the lock together, before the next writer.
// So neither a stream of readers nor a stream of writers keeps the other out. Writers are served
// in the order in which they came.
//
// Therefore a fiber that holds it as a reader must not lock it as a reader again: between the two
// a writer may come, which each would wait for. A reader cannot become a writer.
//
// From fibers and plain threads. May be held across waits, and unlocked on another thread.
// It may be destroyed as soon as nobody holds it or waits for it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "weft/detail/deadline.hpp"
#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"

namespace weft {

namespace detail {
class wake_list;
}

// Meets the standard's SharedTimedLockable requirements.
//
// Invariant: a waiter stands in a queue only while bit `waiting` is set; while it is set, word_ is
//   written by the holder of guard_ only, and somebody has the lock.
// Atomics: word_   `writer`, `waiting`, and `reader` for each reader. Acquired by CAS acquire,
//                  released by CAS release, or under guard_: what a writer did happens-before all
//                  who have it later, what a reader did happens-before the next writer has it.
//          spins_  a hint about the past; relaxed.
// Tested by: tests/unit/shared_mutex_test.cpp, tests/stress/sync_stress.cpp
class shared_mutex {
 public:
  constexpr shared_mutex() noexcept = default;
  shared_mutex(const shared_mutex&) = delete;
  shared_mutex& operator=(const shared_mutex&) = delete;

  // Locks for writing; waits while anybody has it. One locked instruction when it is free.
  // stop() lets the wait go on for as long as the lock can still be freed; only then it ends with
  // weft::unwind, not locked.
  void lock() {
    if (!lock_free()) [[unlikely]] {
      lock_slow(no_deadline);
    }
  }
  bool try_lock() noexcept { return lock_free(); }

  // Never waits. Throws std::system_error(operation_not_permitted) if no writer has it.
  void unlock() {
    std::uint32_t held = writer;
    if (!word_.compare_exchange_strong(held, 0, std::memory_order_release,
                                       std::memory_order_relaxed)) [[unlikely]] {
      unlock_slow();
    }
  }

  // Locks for reading; waits while a writer has it or waits for it. One locked instruction when
  // none does. Unwinding as for lock().
  void lock_shared() {
    if (!try_lock_shared()) [[unlikely]] {
      lock_shared_slow(no_deadline);
    }
  }
  // False also while a writer waits.
  bool try_lock_shared() noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & (writer | waiting)) == 0) {
      if (word_.compare_exchange_weak(seen, seen + reader, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Never waits. Throws std::system_error(operation_not_permitted) if no reader has it.
  void unlock_shared() {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    while (seen >= reader && (seen & waiting) == 0) {
      if (word_.compare_exchange_weak(seen, seen - reader, std::memory_order_release,
                                      std::memory_order_relaxed)) {
        return;
      }
    }
    unlock_shared_slow();
  }

  // False: the time has come first. A deadline that has passed does not keep them from locking
  // what is free.
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) {
    return lock_free() || lock_slow(ns(detail::deadline_at(deadline)));
  }
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) {
    return lock_free() || lock_slow(ns(detail::deadline_in(timeout)));
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& deadline) {
    return try_lock_shared() || lock_shared_slow(ns(detail::deadline_at(deadline)));
  }
  template <class Rep, class Period>
  bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& timeout) {
    return try_lock_shared() || lock_shared_slow(ns(detail::deadline_in(timeout)));
  }

 private:
  static constexpr std::uint32_t writer = 1;
  static constexpr std::uint32_t waiting = 2;
  static constexpr std::uint32_t reader = 4;
  static constexpr std::int64_t no_deadline = INT64_MAX;

  static std::int64_t ns(clock::time_point t) noexcept { return t.time_since_epoch().count(); }

  bool lock_free() noexcept {
    std::uint32_t free = 0;
    return word_.compare_exchange_strong(free, writer, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

  WEFT_API bool lock_slow(std::int64_t deadline);
  WEFT_API bool lock_shared_slow(std::int64_t deadline);
  WEFT_API void unlock_slow();
  WEFT_API void unlock_shared_slow();

  bool queue_up(detail::wait_queue& queue, std::int64_t deadline);
  bool guard_if_waiting() noexcept;
  void give_up() noexcept;
  void admit_readers(std::uint32_t held, detail::wake_list& woken) noexcept;
  void admit_writer(detail::wake_list& woken) noexcept;

  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint16_t> spins_{4};
  detail::lock guard_;
  detail::wait_queue readers_;  // guarded by guard_
  detail::wait_queue writers_;  // guarded by guard_
};

}  // namespace weft
