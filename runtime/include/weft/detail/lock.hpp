// The runtime's own short lock: guards a channel, a wait queue, a timer heap.
//
// Held for a bounded number of instructions, only inside the runtime (between enter and leave, see
// "runtime/state/entry.hpp"), never across a park except when the park's commit releases it.
// Acquire costs one locked instruction, release none: release is a plain store followed by a
// plain load of `sleepers_`. That store-load pair is ordered by the other side: a thread that is
// about to sleep announces itself, issues membarrier(PRIVATE_EXPEDITED), and only then looks at
// the word again. Let B be the point where that barrier takes effect on the holder's thread. If
// the holder's load comes before B, its store is visible to the sleeper's look; if it comes
// after, the load sees the announcement. Without membarrier the sleeper sleeps at most 100 us at
// a time instead.
//
// Atomics:   word_      0 free, 1 held. CAS acquire / store release.
//            sleepers_  written by sleepers (seq_cst), read by releasers (relaxed, see above).
// Tested by: tests/unit/lock_test.cpp
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

  void release() noexcept {
    word_.store(0, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
      wake_sleeper();
    }
  }

  bool is_held() const noexcept { return word_.load(std::memory_order_relaxed) != 0; }

 private:
  WEFT_API void acquire_slow() noexcept;
  WEFT_API void wake_sleeper() noexcept;

  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace weft::detail
