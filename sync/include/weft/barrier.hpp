// A place where a number of fibers or threads meet again and again: barrier.
//
// The interface is that of std::barrier. A phase ends when as many have arrived as are expected;
// the last to arrive runs the completion function, then all who wait go on, and the next phase
// begins. What happened before an arrival happens-before the completion, and that before the
// return of each wait of the phase.
//
// From fibers and plain threads. It may be destroyed when nobody is inside any of its functions.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"

namespace weft {

namespace detail {

// Invariant: pending_ arrivals are missing in phase_; waiters_ wait for the end of phase_. From the
//   arrival that brings pending_ to zero until complete(), the phase belongs to its caller.
// Atomics: phase_  written with guard_ held, release; read acquire by wait().
class barrier_core {
 public:
  WEFT_API explicit barrier_core(std::ptrdiff_t expected);
  barrier_core(const barrier_core&) = delete;
  barrier_core& operator=(const barrier_core&) = delete;

  struct arrival {
    std::uint64_t phase;
    bool last;  // the caller must run the completion and then call complete()
  };
  WEFT_API arrival arrive(std::ptrdiff_t n, bool drop);
  WEFT_API void complete() noexcept;

  void wait(std::uint64_t phase) {
    if (phase_.load(std::memory_order_acquire) == phase) {
      wait_slow(phase);
    }
  }

 private:
  WEFT_API void wait_slow(std::uint64_t phase);

  lock guard_;
  std::atomic<std::uint64_t> phase_{0};
  std::ptrdiff_t expected_;  // guarded by guard_, as is the rest
  std::ptrdiff_t pending_;
  wait_queue waiters_;
};

struct no_completion {
  void operator()() const noexcept {}
};

}  // namespace detail

// Tested by: tests/unit/barrier_test.cpp
template <class CompletionFunction = detail::no_completion>
class barrier {
  static_assert(std::is_nothrow_invocable_v<CompletionFunction&>,
                "a barrier's completion function must be noexcept");

 public:
  // A phase to wait for.
  class arrival_token {
   public:
    arrival_token(arrival_token&&) noexcept = default;
    arrival_token& operator=(arrival_token&&) noexcept = default;

   private:
    friend class barrier;
    explicit arrival_token(std::uint64_t phase) noexcept : phase_(phase) {}
    std::uint64_t phase_;
  };

  static constexpr std::ptrdiff_t max() noexcept { return PTRDIFF_MAX; }

  // Throws std::invalid_argument if expected is negative.
  explicit barrier(std::ptrdiff_t expected, CompletionFunction completion = CompletionFunction())
      : core_(expected), completion_(std::move(completion)) {}

  // Arrives n times. Does not wait, but the last to arrive runs the completion function (which may
  // wait). Throws std::logic_error unless 0 < n <= the arrivals still missing in this phase; the
  // barrier is as before then.
  [[nodiscard]] arrival_token arrive(std::ptrdiff_t n = 1) { return arrival_token(step(n, false)); }

  // Waits for the end of the token's phase, this one or the one before. Ends with weft::unwind at
  // stop(); the arrival counts.
  void wait(arrival_token&& token) const { core_.wait(token.phase_); }

  void arrive_and_wait() { core_.wait(step(1, false)); }

  // Arrives, and one less is expected from the next phase on.
  void arrive_and_drop() { step(1, true); }

 private:
  std::uint64_t step(std::ptrdiff_t n, bool drop) {
    const detail::barrier_core::arrival mine = core_.arrive(n, drop);
    if (mine.last) {
      completion_();
      core_.complete();
    }
    return mine.phase;
  }

  mutable detail::barrier_core core_;
  [[no_unique_address]] CompletionFunction completion_;
};

}  // namespace weft
