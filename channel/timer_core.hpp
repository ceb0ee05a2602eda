// A channel with a timer: what after(), timer and ticker are made of.
//
// Invariants, under `guard`:
//   T1  due != never <=> the node is armed for `due`, or its fire() is about to take the lock.
//   T2  a fire() that finds due in the future or `never` was for an arming that has been stopped
//       or moved since: it does nothing. So no value from before a stop or reset gets in after it.
//   T3  at most one value is in the buffer.
// Lock order: guard, then the timers' own locks; fire() is called with none of them held.
// Lifetime: the handles own the channel. The node points back without owning: destroy_timer_chan
//           first disarms, so that no fire() arms the node again, and then gives it back, which
//           waits for a fire() in progress.
// Tested by: tests/unit/time_test.cpp, tests/stress/timer_stress.cpp
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/scheduler/park.hpp"
#include "runtime/state/timers.hpp"
#include "weft/detail/chan_core.hpp"

namespace weft::detail {

struct timer_core : chan_core {
  timer_node* node = nullptr;
  std::int64_t due = never;
  std::int64_t period = 0;  // 0: fires once
  alignas(8) std::byte slot[8];
};

void destroy_timer_chan(chan_core* core) noexcept;

}  // namespace weft::detail
