// A gate that opens once, when it has been counted down to zero: latch.
//
// The interface is that of std::latch. From fibers and plain threads. It may be destroyed as soon
// as a wait() has returned, provided that no other is in progress.
#pragma once

#include <cstddef>
#include <stdexcept>

#include "weft/detail/countdown.hpp"

namespace weft {

// Tested by: tests/unit/latch_test.cpp
class latch {
 public:
  static constexpr std::ptrdiff_t max() noexcept { return detail::countdown::most; }

  // Throws std::invalid_argument unless 0 <= expected <= max().
  explicit latch(std::ptrdiff_t expected) : count_(checked(expected)) {}
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;

  // Never waits; one locked instruction. What the caller did before happens-before the waits that
  // the zero ends return. Throws std::logic_error if n is negative or more than what is left; the
  // latch is as before then.
  void count_down(std::ptrdiff_t n = 1) {
    if (n < 0 || n > max() || !count_.add(static_cast<std::int32_t>(-n))) [[unlikely]] {
      detail::throw_miscount("weft::latch: counted down by a negative number or below zero");
    }
  }

  bool try_wait() const noexcept { return count_.is_zero(); }

  // Waits for zero. At stop() as wait_group::wait().
  void wait() const { count_.wait(detail::wait_reason::latch, true); }

  void arrive_and_wait(std::ptrdiff_t n = 1) {
    count_down(n);
    wait();
  }

 private:
  static std::int32_t checked(std::ptrdiff_t expected) {
    if (expected < 0 || expected > max()) {
      throw std::invalid_argument("weft::latch: the expected count must be 0 to 2^31 - 1");
    }
    return static_cast<std::int32_t>(expected);
  }

  mutable detail::countdown count_;
};

}  // namespace weft
