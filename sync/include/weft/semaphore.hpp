// A number of permits to be taken and given back: semaphore.
//
//   weft::semaphore slots(8);
//   slots.acquire();            // waits while all eight are taken
//   ...
//   slots.release();
//
// First in, first out: whoever waits gets permits in the order in which they came, whatever their
// number. So a request for many that waits at the head holds up later ones for few, and is never
// starved by them; and nobody overtakes those who wait. (As Go's golang.org/x/sync/semaphore.)
//
// Permits belong to nobody: any fiber or thread may release what another acquired. It may be
// destroyed as soon as nobody waits and the last acquire needed has returned, even if the
// release() that served it is still on its way back to its caller.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "weft/detail/deadline.hpp"
#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"

namespace weft {

// Invariant: a waiter stands in waiters_ only while bit 0 is set; while it is set, word_ is written
//   by the holder of guard_ only.
// Atomics: word_  permits above bit 0. Taken by CAS acquire, given back by CAS release, or under
//                 guard_: what was done before a release happens-before the return of the
//                 acquires it serves.
// Tested by: tests/unit/semaphore_test.cpp, tests/stress/sync_stress.cpp
class semaphore {
 public:
  static constexpr std::ptrdiff_t max() noexcept { return PTRDIFF_MAX / 2; }

  // Throws std::invalid_argument unless 0 <= permits <= max().
  explicit semaphore(std::ptrdiff_t permits) : word_(checked(permits) * one) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  // Each throws std::invalid_argument if n is negative. n may be zero, and may be more than there
  // are permits at the moment (it then waits for that many to be released).

  // Takes n permits; waits until they are there and everybody who waited before has got theirs.
  // One locked instruction when they are there. Ends with weft::unwind at stop(), none taken.
  void acquire(std::ptrdiff_t n = 1) {
    if (!try_acquire(n)) {
      acquire_slow(n, INT64_MAX);
    }
  }

  // Takes n permits if they are there and nobody waits. Never waits.
  bool try_acquire(std::ptrdiff_t n = 1) {
    const std::int64_t wanted = checked(n) * one;
    std::int64_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & anyone) == 0 && seen >= wanted) {
      if (word_.compare_exchange_weak(seen, seen - wanted, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // As acquire(). False: the time has come first, none taken. A deadline that has passed does not
  // keep it from taking what is there.
  template <class Clock, class Duration>
  bool acquire_until(const std::chrono::time_point<Clock, Duration>& deadline,
                     std::ptrdiff_t n = 1) {
    return try_acquire(n) || acquire_slow(n, ns(detail::deadline_at(deadline)));
  }
  template <class Rep, class Period>
  bool acquire_for(const std::chrono::duration<Rep, Period>& timeout, std::ptrdiff_t n = 1) {
    return try_acquire(n) || acquire_slow(n, ns(detail::deadline_in(timeout)));
  }

  // Gives n permits back, or adds them. Never waits. One locked instruction when nobody waits.
  // Throws std::overflow_error if there would be more than max(); it is as before then.
  void release(std::ptrdiff_t n = 1) {
    const std::int64_t given = checked(n) * one;
    std::int64_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & anyone) == 0 && seen <= max() * one - given) {
      if (word_.compare_exchange_weak(seen, seen + given, std::memory_order_release,
                                      std::memory_order_relaxed)) {
        return;
      }
    }
    release_slow(given);
  }

  // The permits that are there at this moment.
  std::ptrdiff_t available() const noexcept { return word_.load(std::memory_order_relaxed) / one; }

 private:
  struct request;

  static constexpr std::int64_t anyone = 1;
  static constexpr std::int64_t one = 2;

  static std::int64_t ns(clock::time_point t) noexcept { return t.time_since_epoch().count(); }
  static std::int64_t checked(std::ptrdiff_t n) {
    if (n < 0 || n > max()) [[unlikely]] {
      throw_bad_number();
    }
    return n;
  }

  [[noreturn]] WEFT_API static void throw_bad_number();
  WEFT_API bool acquire_slow(std::ptrdiff_t n, std::int64_t deadline);
  WEFT_API void release_slow(std::int64_t given);

  void give_up() noexcept;
  void serve(std::int64_t given) noexcept;

  std::atomic<std::int64_t> word_;
  detail::lock guard_;
  detail::wait_queue waiters_;  // guarded by guard_
};

}  // namespace weft
