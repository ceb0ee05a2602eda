// lock_os_thread(): a fiber that keeps its thread to itself.
//
// The fiber is G::home's, the M M::locked. Whenever it waits, it leaves to the M's own stack (g0),
// whatever runs next is put back, and the M gives its P away and sleeps (await_locked). Whoever
// picks the fiber when it is runnable again gives it, and the P, to that M (hand_to_home); the
// fiber's context is kept in G::home_fctx meanwhile, and ctx.fctx is null, so that the check that
// every dispatch makes anyway (has it a context?) finds it. As Go's stoplockedm and startlockedm,
// src/runtime/proc.go.
//
// Under the scheduler lock: M::handed, and M::p of an M that sleeps. Two Ms never both believe to
// have a P: who hands a fiber over leaves its own P only if the other M has none any more.
// Tested by: tests/unit/lock_thread_test.cpp
#include <utility>

#include "runtime/scheduler/scheduler.hpp"

namespace weft {

namespace {

void forget_locked(detail::M* m) noexcept {
  m->locked->home = nullptr;
  m->locked = nullptr;
  m->unusual = m->watched;
}

}  // namespace

void lock_os_thread() {
  using namespace detail;
  if (M* const m = enter_scheduler(); m != nullptr) {
    G* const g = m->running;
    if (g->thread_locks++ == 0) {
      g->home = m;
      m->locked = g;
      m->unusual = true;
    }
    m->leave();
  }
}

void unlock_os_thread() {
  using namespace detail;
  if (M* const m = enter_scheduler(); m != nullptr) {
    G* const g = m->running;
    if (g->thread_locks > 0 && --g->thread_locks == 0) {
      forget_locked(m);
    }
    m->leave();
  }
}

namespace detail {

context* divert(M* m, G* g) noexcept {
  m->diverted = g;
  m->running = nullptr;
  return &m->g0;
}

G* return_next(M* m, G* next) noexcept {
  m->returned = next;
  return nullptr;
}

G* await_locked(M* m) noexcept {
  for (;;) {
    sched.idle.guard.acquire();
    if (G* const g = std::exchange(m->handed, nullptr); g != nullptr || m->exiting) {
      sched.idle.guard.release();
      return g;
    }
    P* const p = m->p.load(std::memory_order_relaxed);
    if (p != nullptr) {
      m->p.store(nullptr, std::memory_order_relaxed);
      p->owner.store(nullptr, std::memory_order_relaxed);
    }
    sched.idle.guard.release();
    if (p != nullptr) {
      hand_off(p);
    } else {
      m->sleep.wait();
    }
  }
}

void hand_to_home(M* m, G* g) noexcept {
  M* const home = g->home;
  sched.idle.guard.acquire();
  home->handed = g;
  const bool needs_p = home->p.load(std::memory_order_relaxed) == nullptr;
  if (needs_p) {
    P* const p = m->p.load(std::memory_order_relaxed);
    m->p.store(nullptr, std::memory_order_relaxed);
    home->p.store(p, std::memory_order_relaxed);
    p->owner.store(home, std::memory_order_release);
  }
  sched.idle.guard.release();
  if (needs_p) {
    home->sleep.wake();
  }
}

void end_locked(M* m) noexcept {
  m->locked->thread_locks = 0;
  forget_locked(m);
  m->tainted = true;
}

void leave_tainted(M* m) noexcept {
  P* const p = m->p.load(std::memory_order_relaxed);
  if (p != nullptr) {
    m->p.store(nullptr, std::memory_order_relaxed);
    disown(p);
    hand_off(p);
  }
}

}  // namespace detail
}  // namespace weft
