// blocking(f): a declared call that may block its thread.
//
// The M shows the number of dispatches that its P had made when the call began. sysmon, when it
// sees the same number on two passes, 20 us apart, and the P has dispatched nobody since, takes the
// P away. That costs the call two stores; waking sysmon up, if it makes a long pause, is what the
// first call after a quiet time pays. A fiber that parks inside f is not inside a declared call
// any more: the P has dispatched somebody else. What else in f blocks is found as in undeclared
// calls.
// Tested by: tests/unit/blocking_test.cpp
#include "runtime/scheduler/scheduler.hpp"
#include "weft/go.hpp"

namespace weft::detail {

bool begin_blocking(hand_off_p when) noexcept {
  M* m = current_m();
  if (m == nullptr) {
    return false;
  }
  if (m->gave_up) {
    return false;  // nested: it has no P to give, and is to have none until the outer call ends
  }
  if (when == hand_off_p::at_once) {
    m = m->enter();
    sched.counts.detached_at_once.fetch_add(1, std::memory_order_relaxed);
    detach_self(m);
    m->leave();
    return true;
  }
  // Not inside an entry: if the P is taken just now, the mark fits no P, or this one by chance, and
  // is removed at the end all the same.
  const P* const p = m->p.load(std::memory_order_relaxed);
  const std::uint64_t mark = M::blocking_mark(p->dispatches.load(std::memory_order_relaxed));
  if (m->blocking.load(std::memory_order_relaxed) == mark) {
    return false;  // nested: the outer call ends it
  }
  m->blocking.store(mark, std::memory_order_relaxed);
  if (sched.sysmon_slow.load(std::memory_order_relaxed)) {
    nudge_sysmon();
  }
  return true;
}

void end_blocking() noexcept {
  M* const m = current_m();
  if (m == nullptr) {
    return;
  }
  m->blocking.store(0, std::memory_order_relaxed);
  if (m->asked.is_asked()) {
    m->enter()->leave();  // comes back for a P, if it was taken
  }
}

}  // namespace weft::detail
