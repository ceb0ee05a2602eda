// Timers that start a fiber: after_func().
//
// Invariants, under `guard`:
//   T1, T2 of channel/timer_core.hpp, for `due` here.
//   T4  due != never => one of the references is the timer's. A fire() that goes through hands it
//       on to the fiber that it starts.
// Atomics: refs  add relaxed, sub acq_rel: the last one's release orders all use before the end.
// Tested by: tests/unit/time_test.cpp, tests/stress/timer_stress.cpp
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "channel/deal.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "runtime/state/timers.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/timer_state.hpp"
#include "weft/runtime.hpp"

namespace weft::detail {

struct call_timer {
  explicit call_timer(std::unique_ptr<timer_call> call_) noexcept : call(std::move(call_)) {}
  ~call_timer() {
    if (node != nullptr) {
      delete_timer(node);
    }
  }

  lock guard;
  std::atomic<std::uint32_t> refs{1};
  timer_node* node = nullptr;
  std::int64_t due = never;
  const std::unique_ptr<timer_call> call;
};

namespace {

// When no fiber can be made for a call, it is tried again after this long.
constexpr std::int64_t retry_ns = 1'000'000;

void retain(call_timer* t) noexcept { t->refs.fetch_add(1, std::memory_order_relaxed); }

void release(call_timer* t) noexcept {
  if (t->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    delete t;
  }
}

struct releaser {
  void operator()(call_timer* t) const noexcept { release(t); }
};

void run_call(void* timer) {
  const std::unique_ptr<call_timer, releaser> owned(static_cast<call_timer*>(timer));
  owned->call->run();
}

// Inside an entry, on whichever M looked after the timers.
void fire(timer_node* node) noexcept {
  auto* const t = static_cast<call_timer*>(node->arg);
  acquire_object(t->guard);
  const std::int64_t now = now_ns();
  const bool due = t->due <= now;
  if (due) {
    t->due = never;
  }
  t->guard.release();
  if (due && !spawn_from_runtime(run_call, t)) {
    acquire_object(t->guard);
    if (t->due == never) {
      t->due = now + retry_ns;
      arm_timer(t->node, t->due);
    } else {
      // Reset meanwhile. The new arming has its own reference, so this was not the last.
      t->refs.fetch_sub(1, std::memory_order_acq_rel);
    }
    t->guard.release();
  }
}

// Under the guard.
bool disarm(call_timer& t) noexcept {
  const bool active = t.due != never;
  if (active) {
    t.due = never;
    stop_timer(t.node, false);
  }
  return active;
}

}  // namespace

call_timer_handle::call_timer_handle(const call_timer_handle& other) noexcept
    : timer_(other.timer_) {
  if (timer_ != nullptr) {
    retain(timer_);
  }
}

call_timer_handle::~call_timer_handle() {
  if (timer_ != nullptr) {
    if (!running()) {
      stop_call_timer(timer_);  // weft::stop() has dropped what was armed: the call is off
    }
    release(timer_);
  }
}

call_timer_handle make_call_timer(std::unique_ptr<timer_call> call, duration delay) {
  call_timer_handle handle(new call_timer(std::move(call)));
  handle.get()->node = new_timer(fire, handle.get());
  reset_call_timer(handle.get(), delay);
  return handle;
}

bool stop_call_timer(call_timer* t) noexcept {
  M* const m = enter();
  acquire_object(t->guard);
  const bool active = disarm(*t);
  t->guard.release();
  leave_unmoved(m);
  if (active) {
    release(t);
  }
  return active;
}

bool reset_call_timer(call_timer* t, duration delay) {
  const std::int64_t due = deadline_after(delay).time_since_epoch().count();
  std::optional<arming_from_outside> outside;  // not under the guard, for which fibers may spin
  try {
    outside.emplace(due != never);
  } catch (...) {
    stop_call_timer(t);
    throw;
  }
  M* const m = enter();
  acquire_object(t->guard);
  const bool active = disarm(*t);
  try {
    if (due != never) {
      arm_timer(t->node, due, &*outside);
      t->due = due;
      retain(t);
    }
  } catch (...) {
    t->guard.release();
    leave_unmoved(m);
    if (active) {
      release(t);
    }
    throw;
  }
  t->guard.release();
  leave_unmoved(m);
  if (active) {
    release(t);
  }
  return active;
}

}  // namespace weft::detail
