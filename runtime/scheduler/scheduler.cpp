// What runs next.
//
// Order, as Go's findRunnable: every 61st dispatch the timers and the oldest of the global queue;
// runnext; the own ring; then, on the M's own stack, due timers, a batch of the global queue,
// half of another P's ring in random order, and sleep.
//
// Bounds on how long a runnable fiber can wait while some P is idle (docs/scheduling.md):
//   announced work   a wake-up of an idle M (tens of microseconds): a P announces when it makes a
//                    fiber runnable while another one already waits there, and for every fiber
//                    started by go() and everything that comes from outside
//   a single fiber readied into runnext is not announced: its waker usually parks at once and
//                    runs it. If it does not, sysmon sees the P undispatched and wakes a thief.
#include "runtime/scheduler/scheduler.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace weft::detail {

// Never destroyed: after exit() on a fiber, threads may still run while static objects go.
static_assert(std::is_trivially_destructible_v<scheduler>);
constinit scheduler sched;

namespace {

constexpr std::uint32_t global_look_every = 61;
constexpr std::int64_t longest_watch_ns = 60'000;
constexpr std::uint32_t max_spin_ns = 50'000;
constexpr std::uint32_t min_spin_ns = 2'000;

G* take_global(M* m, P* p) noexcept {
  const int procs = std::max(1, sched.proc_count.load(std::memory_order_relaxed));
  const std::uint32_t fair = sched.global.size() / static_cast<std::uint32_t>(procs) + 1;
  G* const g = sched.global.pop_batch(
      p->queue, std::min<std::uint32_t>(run_queue::capacity / 2 - 1, fair - 1));
  // A batch is what overflowed a ring. Who came one by one had nobody else.
  constexpr std::uint32_t batch = 16;
  if (const std::uint32_t fibers = p->queue.size(); fibers >= batch && procs > 1) {
    m->hauls.took(fibers, monotonic_ns());
  }
  return g;
}

bool timers_due_elsewhere(P* p, std::int64_t now) noexcept {
  const int made = sched.made_ps.load(std::memory_order_acquire);
  for (int i = 0; i < made; ++i) {
    P* const other = sched.p_at(i);
    if (other != nullptr && other != p && other->timers.next() <= now) {
      return true;
    }
  }
  return false;
}

// Timers of a P that is stuck in one fiber fire here.
void run_timers_elsewhere(M* m, P* p) noexcept {
  constexpr std::int64_t overdue_ns = 1'000'000;  // more than a P rests
  const std::int64_t overdue = monotonic_ns() - overdue_ns;
  if (!timers_due_elsewhere(p, overdue)) {
    return;
  }
  const int made = sched.made_ps.load(std::memory_order_acquire);
  m->ready_to_back = true;
  for (int i = 0; i < made; ++i) {
    P* const other = sched.p_at(i);
    if (other != nullptr && other != p && other->timers.next() <= overdue) {
      other->timers.run_due(overdue);
    }
  }
  m->ready_to_back = false;
}

void start_spinning(M* m) noexcept {
  m->spinning = true;
  sched.idle.spinning.fetch_add(1, std::memory_order_seq_cst);
}

// A spinning M that found work stops spinning; if it was the last one, somebody else looks for
// more, so that parallelism grows by one thread at a time for as long as there is work.
//
// This is the stopper's side of idle.hpp: who made something runnable while this M still counted
// has woken nobody. Either its look at the count comes after the subtraction, and it wakes somebody
// itself, or its work is seen here; for that the fence has to be between the two.
void found_work(M* m) noexcept {
  if (!m->spinning) {
    return;
  }
  m->spinning = false;
  if (sched.idle.spinning.fetch_sub(1, std::memory_order_seq_cst) != 1) {
    return;
  }
  fence_after_rmw();
  if (sched.idle.willing.load(std::memory_order_relaxed) > 0 &&
      (m->steals.missed_work(m->p.load(std::memory_order_relaxed)) || !sched.global.empty())) {
    wake_helper();
  }
}

// Looks for work elsewhere for a while. Null: found none.
G* spin(M* m, P* p) noexcept {
  const int procs = sched.proc_count.load(std::memory_order_relaxed);
  const int busy = procs - sched.idle.idle_count.load(std::memory_order_relaxed);
  if (!m->spinning &&
      2 * sched.idle.spinning.load(std::memory_order_relaxed) >= std::max(busy, 1)) {
    return nullptr;
  }
  const std::int64_t begin = monotonic_ns();
  if (!m->spinning) {
    m->hauls.ran_dry(begin);
    if (helps_in_vain(m, p)) {
      m->withdraws = true;
      return nullptr;
    }
    start_spinning(m);
  }
  std::int64_t end = begin + (sched.may_spin ? m->spin_ns : 0);
  for (;;) {
    if (G* g = m->steals.steal(m, p); g != nullptr) {
      m->spin_ns = std::min(max_spin_ns, m->spin_ns * 2);
      return g;
    }
    if (!sched.global.empty()) {
      if (G* g = take_global(m, p); g != nullptr) {
        m->spin_ns = std::min(max_spin_ns, m->spin_ns * 2);
        return g;
      }
    }
    const std::int64_t now = monotonic_ns();
    if (m->steals.watching_next() && sched.may_spin) {
      end = std::max(end, begin + longest_watch_ns);
    }
    if (now >= end || p->next_wake_up() <= now) {
      break;
    }
    for (int i = 0; i < 20; ++i) {
      cpu_relax();
    }
  }
  run_timers_elsewhere(m, p);
  m->spin_ns = std::max(min_spin_ns, m->spin_ns / 2);
  sched.idle.fruitless.fetch_add(1, std::memory_order_relaxed);
  return p->queue.pop_front();
}

// Puts the M to sleep with its P until it is woken or its next timer is due. False: do not sleep
// now, look again.
bool go_idle(M* m, P* p) noexcept {
  idle_list& idle = sched.idle;
  idle.guard.acquire();
  if (m->exiting || p->index >= sched.proc_count.load(std::memory_order_relaxed) ||
      (!sched.global.empty() && !sched.at_rest)) {
    idle.guard.release();
    return false;
  }
  idle.push(p);
  const bool all_idle = idle.idle_count.load(std::memory_order_relaxed) ==
                        sched.proc_count.load(std::memory_order_relaxed);
  // From the release on, who takes the P off the list may set it.
  const bool was_spinning = std::exchange(m->spinning, false);
  idle.guard.release();
  if (was_spinning) {
    idle.spinning.fetch_sub(1, std::memory_order_seq_cst);
  }
  // Who submitted to the global queue before this P was on the list has woken nobody for it, also
  // when this M was not spinning: the one that was may have found other work since.
  full_fence();
  if (!sched.global.empty() || (was_spinning && m->steals.missed_work(p))) {
    idle.guard.acquire();
    // Not if a fiber that came back has taken the P away from this M.
    const bool still_idle = p->idle.load(std::memory_order_relaxed) && !sched.at_rest &&
                            m->p.load(std::memory_order_relaxed) == p;
    if (still_idle) {
      idle.remove(p);
    }
    idle.guard.release();
    if (still_idle) {
      wake_sysmon();
      start_spinning(m);
      return false;
    }
  }
  if (all_idle) {
    if (sched.state.load(std::memory_order_acquire) == phase::stopping) {
      sched.quiescent.wake();
    } else {
      check_deadlock();
    }
  }
  return true;
}

// False: the M shall exit.
bool sleep_idle(M* m, P* p, std::int64_t until = never) noexcept {
  idle_list& idle = sched.idle;
  m->sleep.wait_until(std::min(p->next_wake_up(), until));
  for (;;) {
    idle.guard.acquire();
    const bool lost = m->p.load(std::memory_order_relaxed) != p;  // to a fiber that came back
    const bool woken = lost || !p->idle.load(std::memory_order_relaxed);  // off the list already
    const bool may_go_on = woken || !sched.at_rest;
    if (may_go_on && !woken) {
      // The time of a timer has come, or somebody wants us to look at our timers again.
      idle.remove(p);
    }
    idle.guard.release();
    if (lost) {
      // It is a spare one, to which anybody may give another P: that is seen under the lock only.
      return sleep_spare(m);
    }
    if (may_go_on) {
      if (!woken) {
        wake_sysmon();
      }
      return true;
    }
    // The world is held still, for as long as it takes to look at every fiber. Who holds it wakes
    // only those Ms that there is work for; and this wait may eat the wake of one that is not
    // repeated, so look again soon.
    constexpr std::int64_t rest_ns = 200'000;
    m->sleep.wait_until(monotonic_ns() + rest_ns);
  }
}

// m has no P: it lost it, gave it away or retired it. False: the M shall exit.
bool without_p(M* m) noexcept {
  m->withdraws = false;  // that was about the P it had
  if (std::exchange(m->spinning, false)) {
    sched.idle.spinning.fetch_sub(1, std::memory_order_seq_cst);
    fence_after_rmw();  // as in found_work()
    if (!sched.global.empty()) {
      wake_helper();
    }
  }
  return sleep_spare(m);
}

}  // namespace

// To wake up costs 16 us of processor time, the work of some thirty short fibers. So each timer
// that fires gives the P 64 us in which it need not wake up for the next one, half a millisecond at
// most: a timer on its own is as exact as the kernel's, dense ones share a wake-up.
void run_due_timers(M* m, P* p, bool rested) noexcept {
  constexpr std::int64_t rest_for_each_ns = 64'000;
  constexpr std::uint32_t rest_for_most = 8;
  constexpr std::uint32_t most_at_once = 64;  // or what was fetched first is gone when it runs
  if (p->timers.next() == timer_heap::no_time) {
    return;
  }
  const std::int64_t now = monotonic_ns();
  if ((rested ? p->next_wake_up() : p->timers.next()) > now) {
    return;
  }
  m->ready_to_back = true;
  const std::uint32_t fired = p->timers.run_due(now, most_at_once);
  m->ready_to_back = false;
  const std::int64_t rest =
      fired < most_at_once ? std::min(fired, rest_for_most) * rest_for_each_ns : 0;
  p->rest_until.store(now + rest, std::memory_order_relaxed);
  announce(m, p->queue.size() + (p->queue.next_empty() ? 0 : 1) > 1);
}

G* pick_at_look(M* m, P* p) noexcept {
  p->look_at += global_look_every;
  run_due_timers(m, p);
  G* const g = sched.global.pop_oldest();
  if (g != nullptr) {
    p->count_slice();
  }
  return g;
}

G* pick_elsewhere(M* m) noexcept {
  P* const p = m->p.load(std::memory_order_relaxed);
  const std::uint32_t n = p->dispatches.load(std::memory_order_relaxed) + 1;
  if (n == p->look_at) {
    p->dispatches.store(n, std::memory_order_relaxed);
    if (G* g = pick_at_look(m, p); g != nullptr) {
      return g;
    }
    if (G* g = p->queue.pop_next(); g != nullptr) {
      return g;
    }
    p->count_slice();
  } else {
    run_due_timers(m, p, true);
  }
  if (G* g = p->queue.pop_front(); g != nullptr) {
    return g;
  }
  return take_global(m, p);
}

G* find_runnable(M* m) noexcept {
  for (;;) {
    if (m->locked != nullptr) [[unlikely]] {
      return await_locked(m);
    }
    if (m->tainted) [[unlikely]] {
      leave_tainted(m);
    }
    P* p = m->p.load(std::memory_order_relaxed);
    if (m->exiting.load(std::memory_order_relaxed)) {
      return nullptr;
    }
    if (p == nullptr) [[unlikely]] {
      if (!without_p(m)) {
        return nullptr;
      }
      continue;
    }
    if (p->index >= sched.proc_count.load(std::memory_order_relaxed)) [[unlikely]] {
      retire_p(p, m);
      continue;
    }
    if (!p->queue.shared() && sched.made_ps.load(std::memory_order_relaxed) > 1) [[unlikely]] {
      p->queue.share();
    }
    if (m->withdraws) [[unlikely]] {
      if (const std::int64_t until = withdraw(m, p); until != 0 && !sleep_idle(m, p, until)) {
        return nullptr;
      }
      continue;
    }
    G* g = nullptr;
    if (!sched.at_rest.load(std::memory_order_relaxed)) [[likely]] {
      g = pick_anywhere(m);
      if (g == nullptr) {
        g = spin(m, p);
        if (g == nullptr && m->withdraws) [[unlikely]] {
          continue;
        }
      }
    }
    if (g != nullptr) {
      found_work(m);
      if (g->home != nullptr) [[unlikely]] {
        hand_to_home(m, g);
        continue;
      }
      return g;
    }
    p->records.give_surplus(sched.pool);
    if (go_idle(m, p) && !sleep_idle(m, p)) {
      return nullptr;
    }
  }
}

void push_global(G* g) noexcept {
  sched.global.push(g);
  full_fence();  // between the push and the look, as in make_runnable_from_outside()
  if (sched.idle.willing.load(std::memory_order_relaxed) > 0) {
    wake_helper();
  }
}

void wake_helper_for(P* p) noexcept {
  constexpr std::uint32_t longest_quiet = 63;
  const std::uint32_t fruitless = sched.idle.fruitless.load(std::memory_order_relaxed);
  p->quiet_after_wake =
      fruitless != p->fruitless_seen ? std::min(2 * p->quiet_after_wake + 1, longest_quiet) : 0;
  p->fruitless_seen = fruitless;
  p->quiet.store(p->quiet_after_wake, std::memory_order_relaxed);
  wake_helper();
}

void wake_helper() noexcept {
  idle_list& idle = sched.idle;
  for (;;) {
    std::int32_t nobody = 0;
    if (!idle.spinning.compare_exchange_strong(nobody, 1, std::memory_order_seq_cst)) {
      return;
    }
    idle.guard.acquire();
    const bool at_rest = sched.at_rest;
    P* const p = at_rest ? nullptr : idle.pop();
    M* const m = p != nullptr ? p->owner.load(std::memory_order_relaxed) : nullptr;
    if (m != nullptr) {
      m->spinning = true;  // under the lock: m may time out and go on before wake_p() wakes it
    }
    idle.guard.release();
    if (p != nullptr && wake_p(p, m, true)) {
      return;
    }
    idle.spinning.fetch_sub(1, std::memory_order_seq_cst);
    full_fence();
    // Nobody was spinning although the count said so: whoever relied on that woke nobody.
    if (p != nullptr || at_rest || sched.global.empty() ||
        idle.willing.load(std::memory_order_relaxed) == 0) {
      return;
    }
  }
}

}  // namespace weft::detail
