// A count that many lower and many wait to reach zero: what wait_group, latch and single_flight
// are made of.
//
// Source: the state word of Go's sync/waitgroup.go.
//
// Word: the count in the upper half, signed; bit 0: somebody waits.
// Invariant: a waiter stands in waiters_ only while bit 0 is set. Who brings the count to zero and
//   sees bit 0 in the same instruction wakes all; if it does not see it, it does not touch the
//   object again, so that whoever sees the zero may destroy it.
// Atomics: word_  add: fetch_add acq_rel; wait: load acquire: all that happened before the adds
//                 that led to zero happens-before wait's return. Bit 0 is set and cleared with
//                 guard_ held.
// Tested by: tests/unit/wait_group_test.cpp, tests/unit/latch_test.cpp
#pragma once

#include <atomic>
#include <cstdint>

#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"
#include "weft/detail/wait_reason.hpp"

namespace weft::detail {

class countdown {
 public:
  static constexpr std::int32_t most = INT32_MAX;

  constexpr explicit countdown(std::int32_t n) noexcept : word_(from_count(n)) {}
  countdown(const countdown&) = delete;
  countdown& operator=(const countdown&) = delete;

  // Never waits. False: the count would have become negative (or too large); it is as before.
  bool add(std::int32_t n) noexcept {
    const std::uint64_t now =
        word_.fetch_add(from_count(n), std::memory_order_acq_rel) + from_count(n);
    if (now == 0 || static_cast<std::int64_t>(now) >= one) [[likely]] {
      return true;
    }
    return add_slow(n, now);
  }

  bool is_zero() const noexcept {
    return static_cast<std::int64_t>(word_.load(std::memory_order_acquire)) < one;
  }

  void wait(wait_reason reason, bool patient) {
    if (!is_zero()) {
      wait_slow(reason, patient);
    }
  }

 private:
  static constexpr std::int64_t one = std::int64_t{1} << 32;
  static constexpr std::uint64_t anyone = 1;

  static constexpr std::uint64_t from_count(std::int32_t n) noexcept {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(n)) << 32;
  }

  WEFT_API bool add_slow(std::int32_t n, std::uint64_t now) noexcept;
  WEFT_API void wait_slow(wait_reason reason, bool patient);

  std::atomic<std::uint64_t> word_;
  lock guard_;
  wait_queue waiters_;  // guarded by guard_
};

// Throws std::logic_error: a count would have left its range.
[[noreturn]] WEFT_API void throw_miscount(const char* what);

}  // namespace weft::detail
