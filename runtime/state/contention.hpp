// Whether an M is of use beside the others: how much of its time it spends spinning for what they
// hold, and whether what it takes from them is worth moving.
//
// The M's own: no atomics. Used by scheduler/withdraw.cpp.
// Tested by: tests/unit/withdraw_test.cpp
#pragma once

#include <cstdint>

namespace weft::detail {

class contention_watch {
 public:
  // Enough for some hundred turns of a lock in demand.
  static constexpr std::int64_t window_ns = 100'000;

  // It has spun for `spun` until `now`. True: it did so for two fifths of its time, since when it
  // was asked last or first spun after a while without.
  bool add(std::int64_t now, std::int64_t spun) noexcept {
    if (now - last_ > window_ns) {
      begin_ = now - spun;
      spun_ = 0;
    }
    last_ = now;
    spun_ += spun;
    const std::int64_t elapsed = now - begin_;
    if (elapsed < window_ns) {
      return false;
    }
    const bool much = 5 * spun_ >= 2 * elapsed;
    begin_ = now;
    spun_ = 0;
    return much;
  }

 private:
  std::int64_t begin_ = 0;
  std::int64_t last_ = 0;
  std::int64_t spun_ = 0;
};

class haul_watch {
 public:
  // Moving a fiber to another core, and what it works with, costs a few hundred nanoseconds. A
  // haul that kept the M busy for less was not worth it.
  static constexpr std::int64_t worth_per_fiber_ns = 300;
  static constexpr int often = 8;

  // So many fibers were taken from elsewhere.
  void took(std::uint32_t fibers, std::int64_t now) noexcept {
    judge(now);
    fibers_ = fibers;
    since_ = now;
  }

  // There is nothing left of them, nor of what they have made runnable here.
  void ran_dry(std::int64_t now) noexcept {
    judge(now);
    fibers_ = 0;
  }

  // How many in a row were not worth it.
  int vain() const noexcept { return vain_; }
  void forget() noexcept { vain_ = 0; }

 private:
  void judge(std::int64_t now) noexcept {
    if (fibers_ != 0) {
      vain_ = now - since_ < fibers_ * worth_per_fiber_ns ? vain_ + 1 : 0;
    }
  }

  std::uint32_t fibers_ = 0;
  int vain_ = 0;
  std::int64_t since_ = 0;
};

}  // namespace weft::detail
