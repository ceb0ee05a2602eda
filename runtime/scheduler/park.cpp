// Parking, readying, yielding: the implementation of park.hpp.
//
// A wait of a fiber: the waiter is enqueued under its object's lock, the fiber switches away, and
// the lock is released by the commit, on the next stack. So whoever can take the waiter off its
// queue finds a fiber that is off its own stack. A wait of a plain thread is the same with the
// thread's stand-in, whose note keeps a wake that comes early.
#include "runtime/scheduler/park.hpp"

#include <exception>

#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

void release_guard(void* guard, M*) noexcept { static_cast<lock*>(guard)->release(); }

// A step of a wait for another thread that is about to do something short.
void pause_a_little(int step) noexcept {
  if (step < 100) {
    cpu_relax();
  } else {
    yield_thread();
  }
}

// A deadline has passed. The G is in that wait until its stop_timer() returns, which waits for
// this to end; scan_guard keeps it back until the G is off its stack (see park()).
void fire_deadline(timer_node* t) noexcept {
  G* const g = static_cast<G*>(t->arg);
  g->scan_guard.acquire();
  cancel_point* const point = g->point;
  g->scan_guard.release();
  if (point->cancel(point, wait_outcome::timed_out)) {
    ready(g);
  }
}

void arm_deadline(G* g, std::int64_t deadline) noexcept {
  g->timer.fire = fire_deadline;
  g->timer.arg = g;
  try {
    arm_timer(&g->timer, deadline);
  } catch (...) {
    fatal("out of memory while arming a deadline");
  }
}

void set_waiting(G* g, cancel_point* point, const wait_options& options) noexcept {
  g->point = point;
  g->reason = options.reason;
  g->patient = options.patient;
  g->waiting_since = sched.coarse_now.load(std::memory_order_relaxed);
  g->status.store(g_status::waiting, std::memory_order_relaxed);
}

// For a plain thread. Its exceptions stay where they are; what stop() asks of a fiber's context, it
// asks of the stand-in's.
void set_thread_waiting(G* g, cancel_point* point, const wait_options& options) noexcept {
  g->scan_guard.acquire();
  g->ctx.exceptions.uncaught = static_cast<unsigned int>(std::uncaught_exceptions());
  set_waiting(g, point, options);
  g->scan_guard.release();
}

// For a fiber on m. Returns m's P.
P* set_waiting_on(M* m, G* g, cancel_point* point, const wait_options& options) noexcept {
  set_waiting(g, point, options);
  P* const p = m->p.load(std::memory_order_relaxed);
  p->counts.count_park(g->reason);
  return p;
}

// The wait of a plain thread, already enqueued and visible. `point` stays valid until
// scan_guard has been taken once more.
void wait_as_thread(G* g, cancel_point* point, const wait_options& options) noexcept {
  const std::int64_t deadline = options.deadline;
  const auto cancel = [g, point](wait_outcome outcome) noexcept {
    g->scan_guard.acquire();  // one canceller at a time
    const bool won = point->cancel(point, outcome);
    g->scan_guard.release();
    return won;
  };
  // stop() may have looked at this thread before it could see `point`; scan_guard orders the two.
  if (point != nullptr && refuse_wait(options) && cancel(wait_outcome::unwound)) {
    wake_plain_thread(g);
  }
  if (deadline == never) {
    plain_thread_waits();
  }
  if (!g->sleep.wait_until(deadline) && !(point != nullptr && cancel(wait_outcome::timed_out))) {
    g->sleep.wait();
  }
  g->scan_guard.acquire();
  g->point = nullptr;
  g->status.store(g_status::running, std::memory_order_relaxed);
  g->scan_guard.release();
}

struct guarded_commit {
  commit_fn commit;
  void* arg;
  lock* scan_guard;  // null: none to release
};

void run_guarded_commit(void* arg, M*) noexcept {
  // The frame `arg` lives on may be gone as soon as the commit has run.
  const guarded_commit c = *static_cast<guarded_commit*>(arg);
  c.commit(c.arg);
  if (c.scan_guard != nullptr) {
    c.scan_guard->release();
  }
}

void push_self_back(void* g, M* m) noexcept {
  P* const p = m->p.load(std::memory_order_relaxed);
  announce(m, p->queue.push_back(static_cast<G*>(g), sched.global));
}

void push_self_global(void* g, M*) noexcept { push_global(static_cast<G*>(g)); }

}  // namespace

void outwait_canceller(waiter* w) noexcept {
  for (int step = 0; w->contest_.load(std::memory_order_acquire) != contest::left; ++step) {
    pause_a_little(step);
  }
}

bool cancel_waiter(cancel_point* point, wait_outcome outcome) noexcept {
  auto* const w = static_cast<waiter*>(point);
  contest open = contest::open;
  if (!w->contest_.compare_exchange_strong(open, contest::coming, std::memory_order_acq_rel,
                                           std::memory_order_relaxed)) {
    return false;
  }
  lock* const guard = w->guard;
  for (int step = 0;; ++step) {
    if (w->contest_.load(std::memory_order_acquire) == contest::taken) {
      w->contest_.store(contest::left, std::memory_order_release);
      return false;
    }
    if (guard->try_acquire()) {
      break;
    }
    pause_a_little(step);
  }
  const bool won = w->queue != nullptr;
  if (won) {
    w->queue->remove(w);
    w->outcome = outcome;
  } else {
    w->contest_.store(contest::open, std::memory_order_relaxed);  // it does not stand in line yet
  }
  guard->release();
  return won;
}

bool refuse_wait(const wait_options& options) noexcept {
  if (sched.state.load(std::memory_order_relaxed) == phase::forked) [[unlikely]] {
    fail_forked();
  }
  if (sched.state.load(std::memory_order_relaxed) != phase::stopping || options.patient ||
      std::uncaught_exceptions() != 0) {
    return false;
  }
  const M* const m = current_m();
  return m == nullptr || !m->running->ending;
}

wait_outcome wait(wait_queue& queue, lock& guard, waiter& w, wait_options options) noexcept {
  if (sched.state.load(std::memory_order_relaxed) >= phase::stopping && refuse_wait(options))
      [[unlikely]] {
    guard.release();
    return wait_outcome::unwound;
  }
  const bool timed = options.deadline != never;
  if (timed && options.deadline <= monotonic_ns()) {
    guard.release();
    return wait_outcome::timed_out;
  }
  M* const m = current_m();
  G* const g = m != nullptr ? m->running : current_stand_in();
  w.cancel = cancel_waiter;
  w.g = g;
  w.guard = &guard;
  w.outcome = wait_outcome::woken;
  w.contested = timed || m == nullptr;
  w.contest_.store(contest::open, std::memory_order_relaxed);
  if (options.front) {
    queue.push_front(&w);
  } else {
    queue.push_back(&w);
  }
  if (m == nullptr) {
    g->counted_asleep = !timed;
    set_thread_waiting(g, &w, options);
    guard.release();
    wait_as_thread(g, &w, options);
    return w.outcome;
  }
  P* const p = set_waiting_on(m, g, &w, options);
  if (timed) {
    arm_deadline(g, options.deadline);
  }
  switch_away(m, pick_on(p), release_guard, &guard);
  if (timed) {
    stop_timer(&g->timer, true);
  }
  return w.outcome;
}

wait_outcome wait_and_leave(M* m, wait_queue& queue, lock& guard, waiter& w,
                            wait_reason reason) noexcept {
  if (m == nullptr || sched.state.load(std::memory_order_relaxed) >= phase::stopping) [[unlikely]] {
    const wait_outcome outcome = wait(queue, guard, w, {.reason = reason});
    leave();
    return outcome;
  }
  G* const g = m->running;
  w.cancel = cancel_waiter;
  w.g = g;
  w.guard = &guard;
  queue.push_back(&w);
  P* const p = set_waiting_on(m, g, &w, {.reason = reason});
  switch_away(m, pick_on(p), release_guard, &guard)->leave();
  return w.outcome;
}

void park(commit_fn commit, void* arg, cancel_point* point, wait_options options) noexcept {
  M* const m = current_m();
  if (m == nullptr) {
    G* const g = current_stand_in();
    g->counted_asleep = options.deadline == never;
    set_thread_waiting(g, point, options);
    commit(arg);
    wait_as_thread(g, point, options);
    return;
  }
  G* const g = m->running;
  P* const p = set_waiting_on(m, g, point, options);
  if (options.deadline == never) {
    guarded_commit bare{commit, arg, nullptr};
    switch_away(m, pick_on(p), run_guarded_commit, &bare);
    return;
  }
  // A deadline that fires at once must not resume the fiber before its commit is through.
  g->scan_guard.acquire();
  guarded_commit guarded{commit, arg, &g->scan_guard};
  arm_deadline(g, options.deadline);
  switch_away(m, pick_on(p), run_guarded_commit, &guarded);
  stop_timer(&g->timer, true);
}

void ready(M* m, G* g) noexcept {
  if (g->is_thread) [[unlikely]] {
    wake_plain_thread(g);
    return;
  }
  if (m != nullptr) [[likely]] {
    ready_on(m, g);
  } else {
    g->status.store(g_status::runnable, std::memory_order_relaxed);
    make_runnable_from_outside(g);
  }
}

void ready(G* g) noexcept { ready(current_m(), g); }

G* self() noexcept {
  M* const m = current_m();
  return m != nullptr ? m->running : current_stand_in();
}

void throw_unwind() {
  if (M* const m = current_m(); m != nullptr) {
    G* const g = m->running;
    constexpr std::uint32_t patience = 1000;
    {
      const entry in;
      g->has_more = true;
    }
    if (++g->swallowed_unwinds > patience) {
      fatal(
          "a fiber goes on waiting although stop() ends each of its waits with weft::unwind: its "
          "catch (...) must rethrow");
    }
  }
  throw unwind();
}

int current_p_index() noexcept {
  M* const m = current_m();
  return m != nullptr ? m->p.load(std::memory_order_relaxed)->index : -1;
}

M* yield_on(M* m) noexcept {
  G* next = pick(m);
  if (next == nullptr) {
    next = pick_elsewhere(m);
  }
  if (next == nullptr) {
    return m;
  }
  G* const g = m->running;
  g->status.store(g_status::runnable, std::memory_order_relaxed);
  return switch_away(m, next, push_self_back, g);
}

void yield() noexcept {
  if (M* const m = current_m(); m != nullptr) {
    yield_on(m);
  } else {
    yield_thread();
  }
}

M* yield_slice(M* m) noexcept {
  // The slice of who is in runnext is over, too: it was inherited. Behind the others with it, or a
  // fiber that always readies or starts its successor would keep the ring waiting for ever.
  P* const p = m->p.load(std::memory_order_relaxed);
  if (G* const next = p->queue.pop_next(); next != nullptr) {
    p->queue.push_back(next, sched.global);
  }
  run_due_timers(m, p);
  G* const next = pick_anywhere(m);
  if (next == nullptr) {
    return m;
  }
  G* const g = m->running;
  g->status.store(g_status::runnable, std::memory_order_relaxed);
  return switch_away(m, next, push_self_global, g);
}

M* leave_thread(M* m) noexcept {
  G* const g = m->running;
  g->status.store(g_status::runnable, std::memory_order_relaxed);
  return switch_away(m, nullptr, push_self_global, g);
}

M* M::answer_request(M* m) noexcept {
  if (sched.state.load(std::memory_order_relaxed) == phase::forked) [[unlikely]] {
    fail_forked();
  }
  switch (m->asked.take()) {
    case request::none:
      return m;
    case request::detached:
      return reattach(m);
    case request::yield:
      break;
  }
  if (sched.at_rest.load(std::memory_order_relaxed)) [[unlikely]] {
    detach_self(m);  // the world is held
    return reattach(m);
  }
  P* const p = m->p.load(std::memory_order_relaxed);
  if (p->index >= sched.proc_count.load(std::memory_order_relaxed)) {
    return leave_thread(m);  // the P goes out of use: g0 sees to that
  }
  if (m->withdraws) [[unlikely]] {
    if (m->locked == nullptr && !m->running->no_preempt) {
      return leave_thread(m);  // g0 does it
    }
    m->withdraws = false;
  }
  if (!p->queue.shared() && sched.made_ps.load(std::memory_order_acquire) > 1) {
    p->queue.share();
  }
  return m->running->no_preempt ? m : yield_slice(m);
}

std::int64_t now_ns() noexcept { return monotonic_ns(); }

}  // namespace weft::detail
