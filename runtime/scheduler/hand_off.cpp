// Who has a P: taking one from an M, giving one to an M, coming back for one.
//
// Invariant:  a P in use that has runnable fibers, timers (or, later, descriptors) has an M, unless
//             no thread can be made or the world is held; only a P with nothing goes to the idle
//             list alone. sysmon looks after those for which there was no thread.
// Lock order: takes the scheduler lock; none of higher rank may be held. All changes of P::owner
//             are made under it.
// A P that is neither idle nor owned nor retired is on its way: whoever took it there is the only
// one who knows it.
#include <utility>

#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

// The commit of a fiber that came back and found no P: on g0, without a P. Who holds the world
// takes it for running, without a context to look at, until here.
void push_without_p(void* arg, M*) noexcept {
  G* const g = static_cast<G*>(arg);
  g->status.store(g_status::runnable, std::memory_order_release);
  push_global(g);
  sched.detached.fetch_sub(1, std::memory_order_seq_cst);
}

// An idle P for m, which has none. From an M that sleeps with it, if need be: that one is spare
// then, and notices when it wakes up. Null: none is idle.
P* take_idle_p(M* m) noexcept {
  sched.idle.guard.acquire();
  P* const p = sched.at_rest ? nullptr : sched.idle.pop_any();
  if (p != nullptr) {
    if (M* const sleeper = p->owner.load(std::memory_order_relaxed); sleeper != nullptr) {
      sleeper->p.store(nullptr, std::memory_order_relaxed);
      push_spare(sleeper);
    }
    m->p.store(p, std::memory_order_relaxed);
    p->owner.store(m, std::memory_order_release);
  }
  sched.idle.guard.release();
  return p;
}

void say_quiescent_if_idle() noexcept {
  if (sched.state.load(std::memory_order_acquire) == phase::stopping) {
    sched.quiescent.wake();
  }
}

}  // namespace

void disown(P* p) noexcept {
  sched.idle.guard.acquire();
  p->owner.store(nullptr, std::memory_order_relaxed);
  sched.idle.guard.release();
}

void hand_off(P* p) noexcept {
  idle_list& idle = sched.idle;
  idle.guard.acquire();
  const bool out_of_use = p->index >= sched.proc_count.load(std::memory_order_relaxed);
  const bool wants_m = !sched.at_rest && p->has_work();
  if (!out_of_use && !wants_m) {
    idle.push(p);
  }
  idle.guard.release();
  if (out_of_use) {
    if (!retire_p(p, nullptr)) {
      hand_off(p);  // set_procs() has changed its mind meanwhile
    }
    return;
  }
  if (wants_m) {
    sched.counts.hand_offs.fetch_add(1, std::memory_order_relaxed);
    if (start_m(p, false)) {
      return;
    }
    idle.guard.acquire();
    idle.push(p);
    idle.guard.release();
  }
  // Who submitted to the global queue before this P was on the list has woken nobody for it.
  full_fence();
  if (!sched.global.empty()) {
    wake_helper();
  }
  say_quiescent_if_idle();
}

void detach_self(M* m) noexcept {
  P* const p = m->p.load(std::memory_order_relaxed);
  sched.detached.fetch_add(1, std::memory_order_seq_cst);
  m->asked.give_up();
  m->gave_up = true;
  disown(p);
  hand_off(p);
}

M* reattach(M* m) noexcept {
  const bool hog = !std::exchange(m->gave_up, false) && m->hog.load(std::memory_order_relaxed);
  m->blocking.store(0, std::memory_order_relaxed);
  m->withdraws = false;  // that was about the P it had, or meant nothing: without one
  m->p.store(nullptr, std::memory_order_relaxed);
  m->asked.settle();
  if (hog) {
    sched.hogs.fetch_sub(1, std::memory_order_relaxed);
    set_kernel_slice(m->thread_id.load(std::memory_order_relaxed), kernel_slice_with_p_ns);
  }
  if (take_idle_p(m) != nullptr) {
    sched.detached.fetch_sub(1, std::memory_order_seq_cst);
    wake_sysmon();
  } else {
    sched.counts.returns_queued.fetch_add(1, std::memory_order_relaxed);
    m = switch_away(m, nullptr, push_without_p, m->running);
  }
  if (hog) {
    // Who has been one before is watched more closely in its next slice.
    P* const p = m->p.load(std::memory_order_relaxed);
    p->short_slice.store(p->tick.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  return m;
}

}  // namespace weft::detail
