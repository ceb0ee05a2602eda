// Timers that send on a channel. The invariants are in channel/timer_core.hpp.
#include <memory>
#include <optional>

#include "channel/deal.hpp"
#include "channel/timer_core.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "runtime/state/timers.hpp"
#include "weft/detail/timer_state.hpp"
#include "weft/time.hpp"

namespace weft::detail {

namespace {

using slot = slot_of<clock::time_point>;
static_assert(std::is_same_v<slot, bytes<sizeof(timer_core::slot)>>);

// Sends `now` unless a value is still there; returns whom to ready. Under the guard.
G* tick(timer_core& t, std::int64_t now) noexcept {
  wakes wake;
  dealer<slot>::send(t, &now, wake, nullptr);
  return wake.first;
}

// Inside an entry, on whichever M looked after the timers.
void fire(timer_node* node) noexcept {
  auto& t = *static_cast<timer_core*>(node->arg);
  G* woken = nullptr;
  acquire_object(t.guard);
  const std::int64_t now = now_ns();
  if (t.due <= now) {
    if (t.period == 0) {
      t.due = never;
    } else {
      // Ticks that are over already are dropped, the rhythm stays.
      t.due += t.period * (1 + (now - t.due) / t.period);
      arm_timer(t.node, t.due);
    }
    woken = tick(t, now);
  }
  t.guard.release();
  if (woken != nullptr) {
    ready(woken);
  }
}

// Under the guard: as if the timer had never been. True: it was armed, or its value still there.
bool disarm(timer_core& t) noexcept {
  bool active = t.due != never;
  if (active) {
    t.due = never;
    stop_timer(t.node, false);
  }
  if (t.count.load(std::memory_order_relaxed) != 0) {
    t.count.store(0, std::memory_order_release);
    t.head = t.tail = t.first;
    active = true;
  }
  return active;
}

// Under the guard, disarmed. Returns whom to ready. Throws std::bad_alloc, still disarmed then.
G* arm(timer_core& t, std::int64_t now, duration first, duration period,
       arming_from_outside* within) {
  t.period = period.count();
  if (first <= duration::zero()) {
    return tick(t, now);
  }
  if (first.count() < never - now) {
    arm_timer(t.node, now + first.count(), within);
    t.due = now + first.count();
  }
  return nullptr;
}

}  // namespace

chan_handle make_timer_chan(duration first, duration period) {
  auto owned = std::make_unique<timer_core>();
  timer_core& t = *owned;
  t.flags.store(chan_core::timer_bit, std::memory_order_relaxed);
  t.capacity = 1;
  t.first = t.head = t.tail = t.slot;
  t.end = t.slot + sizeof t.slot;
  t.type = element_of<clock::time_point>();
  t.deals = deals_for(t.type->kind);
  t.node = new_timer(fire, &t);
  chan_handle handle(owned.release());
  reset_timer_chan(handle.core(), first, period);
  return handle;
}

bool stop_timer_chan(chan_core* core) noexcept {
  if (core == nullptr) {
    return false;  // of a timer that was moved from
  }
  M* const m = enter();
  acquire_object(core->guard);
  const bool active = disarm(static_cast<timer_core&>(*core));
  core->guard.release();
  leave_unmoved(m);
  return active;
}

bool reset_timer_chan(chan_core* core, duration first, duration period) {
  if (core == nullptr) {
    return false;
  }
  auto& t = static_cast<timer_core&>(*core);
  const std::int64_t now = now_ns();
  std::optional<arming_from_outside> outside;  // not under the guard: stop() goes for that
  try {
    outside.emplace(first > duration::zero());
  } catch (...) {
    stop_timer_chan(core);
    throw;
  }
  G* woken = nullptr;
  M* const m = enter();
  acquire_object(t.guard);
  const bool active = disarm(t);
  try {
    woken = arm(t, now, first, period, &*outside);
  } catch (...) {
    t.guard.release();
    leave_unmoved(m);
    throw;
  }
  t.guard.release();
  if (woken != nullptr) {
    ready(woken);
  }
  leave_unmoved(m);
  return active;
}

void destroy_timer_chan(chan_core* core) noexcept {
  auto* const t = static_cast<timer_core*>(core);
  stop_timer_chan(core);  // or a ticker's fire() that has begun would arm the node once more
  delete_timer(t->node);
  delete t;
}

}  // namespace weft::detail
