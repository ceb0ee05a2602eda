// The in_rt marks: every call of the runtime that touches a P stands between enter and leave.
//
// enter() tells sysmon that the P must not be taken away; leave() that it may. The protocol, its
// words and its proof are in "runtime/state/marks.hpp". `entry` is its scope form. Plain threads
// have no P: there both do nothing.
//
// Rules: bounded runtime code only, never user callbacks, destructors or allocators; entries do
// not nest; the M is read again at leave, since the fiber may have moved.
#pragma once

#include "runtime/state/current.hpp"
#include "runtime/state/m.hpp"
#include "runtime/state/solo.hpp"

namespace weft::detail {

// The calling thread's M with its P held, or null on a plain thread, which is known from then on.
inline M* enter() noexcept {
  M* m = current_m();
  if (m == nullptr) [[unlikely]] {
    current_stand_in();
    come_from_outside();
    return nullptr;
  }
  return m->enter();
}

// For calls that touch the scheduler only, and no lock of a channel or the like: a plain thread may
// make them without ending solo (solo.hpp).
inline M* enter_scheduler() noexcept {
  M* m = current_m();
  if (m == nullptr) [[unlikely]] {
    current_stand_in();
    return nullptr;
  }
  return m->enter();
}

// A caller that knows that it has not parked since enter() may call m->leave() instead.
inline void leave() noexcept {
  if (M* m = current_m(); m != nullptr) [[likely]] {
    m->leave();
  }
}

class entry {
 public:
  struct scheduler_only {};
  entry() noexcept { enter(); }
  explicit entry(scheduler_only) noexcept { enter_scheduler(); }  // as enter_scheduler()
  ~entry() {
    if (inside_) detail::leave();
  }
  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;

  // Ends it early: before user code runs or an exception is thrown.
  void leave() noexcept {
    detail::leave();
    inside_ = false;
  }

 private:
  bool inside_ = true;
};

}  // namespace weft::detail
