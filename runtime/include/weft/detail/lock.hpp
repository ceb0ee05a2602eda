// The runtime's own short lock: guards a channel, a wait queue, a timer heap.
//
// Held for a bounded number of instructions, only inside the runtime (between enter and leave, see
// "runtime/state/entry.hpp"), never across a park except when the park's commit releases it.
//
// Acquire costs one locked instruction, release none: it looks whether anybody sleeps, then stores
// the free word, and does not touch the lock's memory afterwards: the object that the lock is in
// may be gone as soon as the word is free (a futex wake takes an address and reads nothing).
// Between the look and the store a sleeper may announce itself unseen. So a sleeper naps for at
// most 100 us at a time and then looks for itself: the wake is what usually ends a nap, not what
// progress depends on. Naps are rare: a waiter first spins for longer than any holder needs that
// has not lost its processor.
//
// Atomics:   word_      0 free, 1 held. CAS acquire / store release.
//            sleepers_  written by sleepers, read by releasers; a hint, relaxed.
// Tested by: tests/unit/machine_test.cpp, tests/model/lock_model.cpp
#pragma once

#include <atomic>
#include <cstdint>

#include "weft/detail/export.hpp"

namespace weft::detail {

class lock {
 public:
  constexpr lock() noexcept = default;
  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;

  void acquire() noexcept {
    std::uint32_t free = 0;
    if (!word_.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) [[unlikely]] {
      acquire_slow();
    }
  }

  bool try_acquire() noexcept {
    std::uint32_t free = 0;
    return word_.load(std::memory_order_relaxed) == 0 &&
           word_.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

  // For who has the lock's object to himself in any case: see runtime/state/solo.hpp. Acquires it
  // by a plain store if it is free.
  bool acquire_alone() noexcept {
    if (word_.load(std::memory_order_acquire) != 0) {
      return false;
    }
    word_.store(1, std::memory_order_relaxed);
    return true;
  }

  void release() noexcept {
    const bool wake = sleepers_.load(std::memory_order_relaxed) != 0;
    word_.store(0, std::memory_order_release);
    if (wake) [[unlikely]] {
      wake_sleeper(&word_);
    }
  }

  bool is_held() const noexcept { return word_.load(std::memory_order_relaxed) != 0; }

 private:
  WEFT_API void acquire_slow() noexcept;
  bool acquire_spinning() noexcept;
  WEFT_API static void wake_sleeper(const std::atomic<std::uint32_t>* word) noexcept;

  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace weft::detail
