// The scheduler's inner interface. Not included outside runtime/.
//
// Who runs next: pick() while a fiber leaves its P (own queue only, no lock), find_runnable() on
// the M's own stack when there was nothing (timers, global queue, stealing, sleep).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/machine/platform.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/scheduler/shared.hpp"
#include "runtime/state/current.hpp"
#include "runtime/state/outside.hpp"
#include "weft/detail/preempt.hpp"
#include "weft/runtime.hpp"

namespace weft::detail {

// scheduler.cpp -----------------------------------------------------------------------------

// The look at the timers and the global queue that is due every 61st dispatch. Fires timers, which
// take object locks: the caller must hold none.
G* pick_at_look(M* m, P* p) noexcept;

// The next G of p; null when its queue is empty, or when that look is due, which then is taken by
// pick_elsewhere(): a fiber that parks calls this with its object's lock held.
[[gnu::always_inline]] inline G* pick_on(P* p) noexcept {
  const std::uint32_t n = p->dispatches.load(std::memory_order_relaxed) + 1;
  if (n == p->look_at) [[unlikely]] {
    return nullptr;
  }
  p->dispatches.store(n, std::memory_order_relaxed);
  if (G* g = p->queue.pop_next(); g != nullptr) {
    return g;  // inherits the slice
  }
  p->count_slice();
  return p->queue.pop_front();
}
inline G* pick(M* m) noexcept { return pick_on(m->p.load(std::memory_order_relaxed)); }

// Fires what is due on p, m's P, up to a number: one look at the clock if it has timers. `rested`:
// nothing before the P has rested from the last time, for who would sleep otherwise.
void run_due_timers(M* m, P* p, bool rested = false) noexcept;

// For a dispatch that does not come from pick().
inline void count_dispatch(M* m, P* p) noexcept {
  const std::uint32_t n = p->dispatches.load(std::memory_order_relaxed) + 1;
  p->dispatches.store(n, std::memory_order_relaxed);
  if (n == p->look_at) [[unlikely]] {
    if (G* g = pick_at_look(m, p); g != nullptr) {
      p->queue.push_back(g, sched.global);
    }
  }
}

// When pick() found nothing: the look if it is due, due timers and the global queue. Does not
// sleep. No lock may be held.
G* pick_elsewhere(M* m) noexcept;
inline G* pick_anywhere(M* m) noexcept {
  G* const g = pick(m);
  return g != nullptr ? g : pick_elsewhere(m);
}

// On g0: the next G, sleeping until there is one. Null when the M shall exit.
G* find_runnable(M* m) noexcept;

// To the global queue, and wakes somebody. Needs no P.
void push_global(G* g) noexcept;

// Wakes an idle P's M, unless somebody is looking for work already.
void wake_helper() noexcept;

// wake_helper() on behalf of p, and how many further announcements are not worth one.
void wake_helper_for(P* p) noexcept;

// After something was made runnable on m's P; more_than_one: beside something else, or by a start.
// Then, if a P is idle and nobody looks for work, its M is woken; that costs the caller
// microseconds, so when the last wake-ups were fruitless (the work was done before the helper
// came), only every 2nd, 4th, ... 64th announcement is followed by one, and sysmon makes up for
// those that mattered.
//
// While all Ps are busy it costs no fence. One that goes idle in this very moment may be missed
// then, and sees the fiber with its own look at the queues or not: as if this announcement had been
// kept quiet. The owner gets to the fiber in any case, and sysmon sees if it does not.
inline void announce(M* m, bool more_than_one) noexcept {
  P* const p = m->p.load(std::memory_order_relaxed);
  if (!more_than_one || !p->queue.shared() ||
      sched.idle.willing.load(std::memory_order_relaxed) == 0) {
    return;
  }
  if (const std::uint32_t quiet = p->quiet.load(std::memory_order_relaxed); quiet > 0) {
    p->quiet.store(quiet - 1, std::memory_order_relaxed);
    return;
  }
  full_fence();
  if (sched.idle.willing.load(std::memory_order_relaxed) > 0 &&
      sched.idle.spinning.load(std::memory_order_relaxed) == 0) {
    wake_helper_for(p);
  }
}

// switch.cpp --------------------------------------------------------------------------------

// lock_thread.cpp: for g, which has locked another thread than m's: what to jump to instead.
context* divert(M* m, G* g) noexcept;
// For a fiber that leaves a thread which it has locked: `next` may not run here. Null.
G* return_next(M* m, G* next) noexcept;

// take_up() of a fiber without a context: one that has not started, or has locked a thread.
context* take_up_unready(M* m, G* g) noexcept;

// Makes g the running fiber of m; what to jump to: g, or g0 if that has something to do first.
[[gnu::always_inline]] inline context* take_up(M* m, G* g) noexcept {
  if (g->ctx.fctx == nullptr) [[unlikely]] {
    return take_up_unready(m, g);
  }
  m->running = g;
  g->status.store(g_status::running, std::memory_order_relaxed);
  return &g->ctx;
}

// For an M with something unusual: what else a fiber that leaves it must do. Returns what may run
// instead of `next`.
G* leave_unusual(M* m, G* next) noexcept;

// Leaves the running fiber for `next` (null: for g0). `commit(arg)` runs once it is off its stack.
// Returns the M on which the fiber resumes.
[[gnu::always_inline]] inline M* switch_away(M* m, G* next, commit_on_m commit,
                                             void* arg) noexcept {
  G* const from = m->running;
  m->commit = commit;
  m->commit_arg = arg;
  context* to = &m->g0;
  if (m->unusual) [[unlikely]] {
    next = leave_unusual(m, next);
  }
  if (next != nullptr) [[likely]] {
    to = take_up(m, next);
  } else {
    m->running = nullptr;
  }
  M* const now = static_cast<M*>(jump(m, &from->ctx, to));
  now->commit(now->commit_arg, now);
  return now;
}

// On g0: runs g until an M's g0 is needed again. Returns on the same M.
void execute(M* m, G* g) noexcept;

// Runs `child`, taken off the queue and not started, on the stack of the fiber that runs on m and
// waits for it. Returns the M it goes on on.
M* run_child(M* m, G* child) noexcept;

// switch_hook.cpp ---------------------------------------------------------------------------

// Sets sched.on_switch if a checking library is loaded.
void find_switch_hook() noexcept;

// park.cpp ----------------------------------------------------------------------------------

// Puts the running fiber on the global queue and runs others. For used-up slices.
M* yield_slice(M* m) noexcept;

// Puts the running fiber on the global queue, and leaves to g0.
M* leave_thread(M* m) noexcept;

// yield() of a fiber that runs on m; returns the M it goes on on.
M* yield_on(M* m) noexcept;

// ready(g) on m.
inline void ready_on(M* m, G* g) noexcept {
  g->status.store(g_status::runnable, std::memory_order_relaxed);
  P* const p = m->p.load(std::memory_order_relaxed);
  if (m->ready_to_back) {
    // A timer has woken it: it was away for long, and runs soon, after the others that are due.
    // Not announced one by one: run_due_timers() does it for all, a spinning M runs them itself.
    prefetch_context(&g->ctx);
    p->queue.push_back(g, sched.global);
  } else {
    announce(m, p->queue.push_next(g, sched.global));
  }
}

// spawn.cpp ---------------------------------------------------------------------------------

// Runs g's body and what follows it: results, joiners. On g's stack, outside and inside an entry.
// An exception that leaves a detached fiber goes through run_body, in search of a handler.
void run_body(G* g);
void finish_fiber(M* m, G* g) noexcept;
void make_runnable_from_outside(G* g) noexcept;
void submit_from_outside(G* g) noexcept;  // its second half: g is runnable already

// The fiber that a wait for wait_reason::join with this point is for.
const G* joined_fiber(const cancel_point* point) noexcept;

// this_fiber.cpp ----------------------------------------------------------------------------

// Gives g, the running fiber, another name, or none; not inside an entry. Dumps may look at it.
void replace_name(G* g, std::string* name) noexcept;
std::string_view this_fiber_name() noexcept;

// steal.cpp ---------------------------------------------------------------------------------

// For a thief: takes the fiber out of the victim's runnext, if its M is in a fiber and has made no
// more than so many dispatches. Costs a membarrier. Null: it is not to be had.
G* take_runnext(P* victim, std::uint32_t dispatches) noexcept;

// detach.cpp --------------------------------------------------------------------------------

// Between writing an M's mark and looking whether it is inside: the barrier of marks.hpp. False:
// the kernel refuses what it has granted at the start, as after a seccomp filter. Then no P can be
// taken any more: without the barrier two threads would have it.
bool order_marks() noexcept;

// worker.cpp --------------------------------------------------------------------------------

// Gives p (not idle, not owned) to a spare or a new M. False if no thread could be made: p is as
// it was.
bool start_m(P* p, bool spinning) noexcept;
void join_all_ms() noexcept;

// Under idle.guard: m, which sleeps or is about to, has no P.
void push_spare(M* m) noexcept;
// On g0 of m, which has no P, until it has one. False: the M shall exit.
bool sleep_spare(M* m) noexcept;
// Ends the spare Ms that nobody has needed for long. When to do so again; `never`: none is left.
std::int64_t end_spares(std::int64_t now) noexcept;

// Test seam: thread creation fails as with EAGAIN.
extern std::atomic<bool> testing_fail_threads;
// Test seam: for how long an M that nobody needs is kept.
extern std::atomic<std::int64_t> testing_spare_patience_ns;

// Wakes m, which slept with p when p was taken off the idle list; null: makes an M for p.
bool wake_p(P* p, M* m, bool spinning) noexcept;

// hand_off.cpp ------------------------------------------------------------------------------

// p is taken from its M: it has no owner any more, and is on its way.
void disown(P* p) noexcept;
// p, on its way, gets an M, or goes to the idle list.
void hand_off(P* p) noexcept;
// Inside an entry: gives m's P away. The next ENTER finds that and gets one.
void detach_self(M* m) noexcept;
// Inside an entry: the running fiber of m has no P any more. Gets one, or waits for one. Returns
// the M it goes on on.
M* reattach(M* m) noexcept;

// withdraw.cpp ------------------------------------------------------------------------------

// On g0 of m, which has spun too much: gives what waits on p, its P, to all, and p to the idle
// list, for m to sleep with until the time that is returned. 0: it had better go on.
std::int64_t withdraw(M* m, P* p) noexcept;

// m has run dry. True: what it took from other Ps lately was not worth moving, and they are at
// work: it had better withdraw.
bool helps_in_vain(M* m, P* p) noexcept;

// Test seam: for how long; `never`: until it is woken.
extern std::atomic<std::int64_t> testing_withdrawal_ns;

// lock_thread.cpp ---------------------------------------------------------------------------

// On g0 of a locked M whose fiber is off it: gives the P away and sleeps until the fiber is to run
// again. Null: the M shall exit.
G* await_locked(M* m) noexcept;
// On g0: gives g, which is locked to another M, to that M, and m's P with it.
void hand_to_home(M* m, G* g) noexcept;
// The fiber that has locked m ends.
void end_locked(M* m) noexcept;
// On g0 of an M whose thread shall end: gives its P away.
void leave_tainted(M* m) noexcept;

// lifecycle.cpp -----------------------------------------------------------------------------

// Test seam: start() finds no membarrier.
extern std::atomic<bool> testing_no_membarrier;

// Starts the default runtime if none runs. Throws std::logic_error while it is stopping.
void ensure_started();

// A plain thread begins a call that needs the runtime up until end_outside_call(): stop() waits for
// that. Starts the default runtime if none runs; throws as ensure_started().
void begin_outside_call();
void end_outside_call() noexcept;

// A plain thread is inside a call that touches the scheduler: stop() waits for it before it frees
// anything.
class outside_call {
 public:
  outside_call() noexcept { sched.outside_calls.fetch_add(1, std::memory_order_seq_cst); }
  ~outside_call() { sched.outside_calls.fetch_sub(1, std::memory_order_release); }
  outside_call(const outside_call&) = delete;
  outside_call& operator=(const outside_call&) = delete;
};
[[noreturn]] void fail_forked() noexcept;
P* make_p(int index);
// p is out of use (set_procs), and the caller's: its work goes to the others. False: it is in use
// again. m: its M, or null.
bool retire_p(P* p, M* m) noexcept;

// shutdown.cpp ------------------------------------------------------------------------------

// Ends every wait until no fiber is left. The state is `stopping`.
void unwind_everything() noexcept;

// deadlock.cpp ------------------------------------------------------------------------------

// Ends the process with a report if nothing can ever run again. No lock may be held.
void check_deadlock() noexcept;
// On a plain thread that weft knows: whether all others of the process wait in weft without a
// deadline, or are the runtime's own. False also if that cannot be told.
bool no_other_thread_is_awake() noexcept;
// The calling plain thread is about to sleep in a wait without a deadline. Before others could see
// it, it has set its stand-in's counted_asleep.
void plain_thread_waits() noexcept;
// Ends the wait of a plain thread that has been won.
void wake_plain_thread(G* g) noexcept;

// sysmon.cpp --------------------------------------------------------------------------------

// Asks the fiber on m to yield at its next call into weft. True if it was not asked before.
inline bool request_yield(M* m) noexcept {
  const bool asked = m->asked.ask_to_yield();
  // After the CAS, see preempt.hpp; also for a request that was pending while the M was idle.
  preempt_wanted.store(1, std::memory_order_release);
  return asked;
}

void start_sysmon();
void stop_sysmon() noexcept;
// Whoever wakes a P calls this: sysmon is deep asleep when all Ps are idle.
void wake_sysmon() noexcept;
// Ends whatever pause sysmon makes.
void nudge_sysmon() noexcept;

}  // namespace weft::detail
