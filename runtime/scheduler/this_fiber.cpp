// The calling fiber: identity, yielding, sleeping, its fiber-local values.
#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>

#include "runtime/scheduler/scheduler.hpp"
#include "weft/fiber_local.hpp"

namespace weft {

namespace {

using namespace detail;

G* running_fiber() noexcept {
  M* const m = current_m();
  return m != nullptr ? m->running : nullptr;
}

// A sleep ends by its timer (a fiber's) or its note (a thread's), or is unwound.
struct sleep_point : cancel_point {
  G* g = nullptr;
  std::int64_t deadline = 0;
  std::atomic<bool> claimed{false};
  bool unwound = false;
};

bool cancel_sleep(cancel_point* c, wait_outcome outcome) noexcept {
  auto* const point = static_cast<sleep_point*>(c);
  const bool won = point->g->is_thread ? !point->claimed.exchange(true, std::memory_order_acq_rel)
                                       : stop_timer(&point->g->timer, false);
  if (won) {
    point->unwound = outcome == wait_outcome::unwound;
  }
  return won;
}

void end_sleep(timer_node* t) noexcept { ready(static_cast<G*>(t->arg)); }

// Off its stack now: the timer may fire at once.
void arm_sleep(void* arg) noexcept {
  auto* const point = static_cast<sleep_point*>(arg);
  G* const g = point->g;
  try {
    arm_timer(&g->timer, point->deadline);
  } catch (...) {
    fatal("out of memory while arming a timer");
  }
}

void sleep_fiber(sleep_point& point) noexcept {
  point.g->timer.fire = end_sleep;
  point.g->timer.arg = point.g;
  park(arm_sleep, &point, &point, {.reason = wait_reason::sleep});
}

void sleep_thread(sleep_point& point) noexcept {
  park([](void*) noexcept {}, nullptr, &point,
       {.reason = wait_reason::sleep, .deadline = point.deadline});
}

void sleep_to(clock::time_point deadline) {
  sleep_point point;
  point.cancel = cancel_sleep;
  // The timer of a fiber that sleeps for ever is armed all the same: it is what stop() cancels.
  point.deadline = std::min(deadline.time_since_epoch().count(), never - 1);
  {
    const entry in(entry::scheduler_only{});
    point.unwound = refuse_wait({.reason = wait_reason::sleep});
    if (!point.unwound) {
      point.g = self();
      if (point.g->is_thread) {
        sleep_thread(point);
      } else {
        sleep_fiber(point);
      }
    }
  }
  if (point.unwound) {
    throw_unwind();
  }
}

}  // namespace

clock::time_point clock::now() noexcept { return time_point(duration(monotonic_ns())); }

namespace this_fiber {

bool is_fiber() noexcept { return current_m() != nullptr; }

fiber_id get_id() noexcept {
  G* const g = running_fiber();
  return g != nullptr ? g->id : 0;
}

void yield() noexcept {
  if (M* const m = enter_scheduler(); m != nullptr) {
    yield_on(m)->leave();
  } else {
    yield_thread();
  }
}

void sleep_until(clock::time_point deadline) {
  if (deadline > clock::now()) {
    sleep_to(deadline);
  }
}

void sleep_for(duration d) {
  if (d > duration::zero()) {
    sleep_to(deadline_after(d));
  }
}

void set_name(std::string_view name) {
  if (G* const g = running_fiber(); g != nullptr) {
    auto copy = std::make_unique<std::string>(name.substr(0, 63));
    replace_name(g, copy.release());
  }
}

std::size_t stack_remaining() noexcept {
  G* const g = running_fiber();
  if (g == nullptr) {
    return std::numeric_limits<std::size_t>::max();
  }
  auto* const here = static_cast<std::byte*>(__builtin_frame_address(0));
  return static_cast<std::size_t>(here - g->bound->limit);
}

}  // namespace this_fiber

namespace detail {

void replace_name(G* g, std::string* name) noexcept {
  {
    const entry in;
    g->scan_guard.acquire();
    name = std::exchange(g->name, name);
    g->has_more = true;
    g->scan_guard.release();
  }
  delete name;
}

std::string_view this_fiber_name() noexcept {
  G* const g = running_fiber();
  return g != nullptr && g->name != nullptr ? std::string_view(*g->name) : std::string_view();
}

}  // namespace detail
}  // namespace weft
