// How much of its time an M spends spinning for what other threads hold.
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

}  // namespace weft::detail
