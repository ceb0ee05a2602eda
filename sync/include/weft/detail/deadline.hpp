// Time points and durations of any clock and unit, as deadlines on weft::clock.
#pragma once

#include <chrono>
#include <ratio>

#include "weft/clock.hpp"

namespace weft::detail {

// Saturates instead of overflowing: nanoseconds reach 292 years.
template <class Rep, class Period>
duration to_duration(const std::chrono::duration<Rep, Period>& d) noexcept {
  using seconds = std::chrono::duration<double>;
  if (seconds(d) >= seconds(duration::max())) {
    return duration::max();
  }
  if (seconds(d) <= seconds(duration::min())) {
    return duration::min();
  }
  return std::chrono::ceil<duration>(d);
}

// A timeout of zero or less has passed already.
template <class Rep, class Period>
clock::time_point deadline_in(const std::chrono::duration<Rep, Period>& timeout) noexcept {
  return deadline_after(to_duration(timeout));
}

// A deadline on another clock is taken as the time that is left until then.
template <class Clock, class Duration>
clock::time_point deadline_at(const std::chrono::time_point<Clock, Duration>& deadline) noexcept {
  if (deadline == std::chrono::time_point<Clock, Duration>::max()) {
    return clock::time_point::max();
  }
  const auto now = Clock::now();
  return deadline <= now ? clock::time_point::min() : deadline_in(deadline - now);
}

inline clock::time_point deadline_at(clock::time_point deadline) noexcept { return deadline; }

}  // namespace weft::detail
