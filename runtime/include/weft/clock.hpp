// The clock of every deadline in weft.
#pragma once

#include <chrono>
#include <cstdint>

#include "weft/detail/export.hpp"

namespace weft {

using duration = std::chrono::nanoseconds;

// A steady clock (CLOCK_MONOTONIC). Meets the standard's TrivialClock requirements.
struct clock {
  using duration = weft::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<clock>;
  static constexpr bool is_steady = true;

  WEFT_API static time_point now() noexcept;
};

namespace detail {
// now + d without overflow: a far future is time_point::max(), which means "never".
inline clock::time_point deadline_after(duration d) noexcept {
  const auto now = clock::now();
  return d >= clock::time_point::max() - now ? clock::time_point::max() : now + d;
}
}  // namespace detail

}  // namespace weft
