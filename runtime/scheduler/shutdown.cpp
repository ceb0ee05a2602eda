// How stop() unwinds what still waits.
//
// stop() in short: forbid new waits; let everything run until all Ps are idle; with the world at
// rest, so that no parked fiber can start to run, end every wait that can be ended; let it run
// again; until no fiber is left. A wait is ended by its cancel_point, which knows whether somebody
// else (a plain thread, say) has won it already. Waits that end by themselves once their owners
// unwind (mutexes, joins) are left alone as long as anything else could be ended.
//
// To end a wait is to take the lock of the object that is waited for. That object may be gone as
// soon as somebody has woken its last waiter (wait_queue.hpp); with the world at rest only a plain
// thread can have. It readies the fiber before it goes on to destroy the object, and there, in
// make_runnable_from_outside(), it either finds `stopping` and waits for the scan that may be
// reading the fiber's old status, or its outside_call came before `stopping` in the one order of
// all sequentially consistent operations, so that rest() waited for it and the scan sees a
// runnable fiber.
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"

namespace weft::detail {

namespace {

// The census of a world at rest.
struct round {
  int live = 0;
  int cancelled = 0;
  int sleeping = 0;  // in destructors that run during an unwinding: they end by themselves
  bool patient_too = false;
};

void unwind_fiber(G* g, void* arg) noexcept {
  round& r = *static_cast<round*>(arg);
  const g_status status = g->status.load(std::memory_order_relaxed);
  if (status == g_status::idle || status == g_status::ended) {
    return;
  }
  ++r.live;
  if (status == g_status::waiting && g->reason == wait_reason::sleep) {
    ++r.sleeping;
  }
  if (status != g_status::waiting || g->point == nullptr || g->ctx.exceptions.uncaught != 0 ||
      g->ending || g->patient != r.patient_too) {
    return;
  }
  if (g->point->cancel(g->point, wait_outcome::unwound)) {
    ++r.cancelled;
    g->status.store(g_status::runnable, std::memory_order_relaxed);
    submit_from_outside(g);
  }
}

void unwind_thread(G* g, void* patient_too) noexcept {
  g->scan_guard.acquire();
  const bool won = g->point != nullptr && g->ctx.exceptions.uncaught == 0 &&
                   (patient_too != nullptr || !g->patient) &&
                   g->point->cancel(g->point, wait_outcome::unwound);
  g->scan_guard.release();
  if (won) {
    ready(g);
  }
}

bool timers_pending() noexcept {
  for (int i = 0; i < sched.made_ps.load(); ++i) {
    if (sched.p_at(i)->timers.any_armed()) {
      return true;
    }
  }
  return false;
}

// Nothing could be ended: what is left waits for a timer, or for a plain thread that is about to
// unlock or send something.
void await_others(std::int64_t* stuck_since) noexcept {
  constexpr std::int64_t look_again_ns = 500'000;
  constexpr std::int64_t patience_ns = 1'000'000'000;
  const std::int64_t now = monotonic_ns();
  if (*stuck_since == 0 || timers_pending() || !sched.global.empty()) {
    *stuck_since = now;
  } else if (now - *stuck_since > patience_ns) {
    fatal(
        "stop(): fibers wait, in destructors that run during their unwinding, for something "
        "that can no longer happen");
  }
  sched.quiescent.wait_until(now + look_again_ns);
}

}  // namespace

void unwind_everything() noexcept {
  std::int64_t stuck_since = 0;
  for (;;) {
    for_each_stand_in(unwind_thread, nullptr);
    rest_world();
    round r;
    sched.scan.acquire();
    sched.pool.for_each(unwind_fiber, &r);
    if (r.live > 0 && r.cancelled == 0 && r.sleeping == 0) {
      r = {.patient_too = true};
      sched.pool.for_each(unwind_fiber, &r);
    }
    sched.scan.release();
    resume_world();
    if (r.live == 0) {
      // Who waits patiently waits for a fiber, and there is none, or for a thread that may go on.
      if (bool patient_too = no_other_thread_is_awake()) {
        for_each_stand_in(unwind_thread, &patient_too);
      }
      return;
    }
    if (r.cancelled > 0) {
      stuck_since = 0;
    } else {
      await_others(&stuck_since);
    }
  }
}

}  // namespace weft::detail
