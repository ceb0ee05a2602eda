// sysmon: a thread without a P that watches the others.
//
// Each pass looks at every P that is not idle:
//   - inside blocking() in two passes: its P is taken away (detach.hpp).
//   - has dispatched nobody since the last pass, and its thread has used no CPU time for 1 ms and
//     sleeps in the kernel: blocked without having said so; taken away, too.
//   - in one slice for options.time_slice (1 ms if it has been a hog before): asked to yield; it
//     obeys at its next runtime call. 1 ms later still not: taken away.
//   - has not looked at its timers for 1 ms after one was due: asked to yield, which makes it look.
//   - runnable work beside an idle P wakes a thief.
// The pause between passes grows from 20 us to 10 ms while there is nothing to do; it is at most 1
// ms while a P has not dispatched since the last pass, and 2 ms while some P is idle and another is
// not, which bounds how long a fiber left in runnext waits for a thief. When all Ps are idle, and
// nothing has run for a whole pause, it sleeps without a timeout, and whoever wakes a P wakes it;
// only spare Ms that are to end, and WEFT_SCHEDTRACE, wake it. (A program that wakes up for a
// moment, many times a second, leaves it at the long pause: to send it to sleep and wake it each
// time costs more than its passes.)
//
// The CPU-time probe and its figures, the 1 ms and the 20 us: see docs/scheduling.md.
// Tested by: tests/unit/detach_test.cpp, blocking_test.cpp, fairness_test.cpp
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "runtime/scheduler/detach.hpp"
#include "runtime/scheduler/report.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"

namespace weft::detail {

namespace {

constexpr std::int64_t shortest_pause_ns = 20'000;
constexpr std::int64_t suspicious_pause_ns = 1'000'000;
constexpr std::int64_t watchful_pause_ns = 2'000'000;
constexpr std::int64_t longest_pause_ns = 10'000'000;
constexpr int passes_before_backoff = 50;
constexpr std::int64_t answer_ns = 1'000'000;
constexpr std::int64_t probe_ns = 1'000'000;
constexpr std::int64_t hog_slice_ns = 1'000'000;
constexpr std::int64_t overdue_ns = 1'000'000;

// What was seen of a P in the last pass.
struct observation {
  M* m = nullptr;
  std::uint32_t tick = 0;
  std::uint32_t dispatches = 0;
  std::int64_t since = 0;     // when the slice was first seen
  std::int64_t asked_at = 0;  // 0: not asked in this slice
  std::uint64_t blocking = 0;
  std::int64_t cpu_ns = -1;  // the thread's CPU time at cpu_at; -1: not looked at
  std::int64_t cpu_at = 0;
};

// What a pass found.
struct findings {
  bool acted = false;       // look again soon
  bool suspicious = false;  // look again in a millisecond
  bool work = false;        // something runnable waits
  bool ran = false;         // a P has dispatched since the last pass, or may be in a fiber or
                            // have something to do
};

struct sysmon_state {
  pthread_t thread{};
  std::atomic<bool> exit{false};
  bool started = false;
  std::array<observation, max_procs> seen;
  detacher taker;
  std::int64_t next_spare_look = 0;
  std::int64_t begun_at = 0;
  std::int64_t next_trace = never;
};

sysmon_state sysmon;

bool ask_to_yield(M* m) noexcept {
  const bool asked = request_yield(m);
  if (asked) {
    sched.counts.yields_asked.fetch_add(1, std::memory_order_relaxed);
  }
  return asked;
}

// Takes preempt_wanted back once every request is answered, or its M idle. The order is in
// preempt.hpp. Hogs without a P shall come back at their next poll, too.
void withdraw_answered() noexcept {
  if (preempt_wanted.load(std::memory_order_relaxed) == 0 ||
      preempt_wanted.exchange(0, std::memory_order_acq_rel) == 0) {
    return;
  }
  bool pending = sched.hogs.load(std::memory_order_relaxed) > 0;
  const int made = sched.made_ps.load(std::memory_order_acquire);
  for (int i = 0; i < made && !pending; ++i) {
    P* const p = sched.p_at(i);
    M* const m = p != nullptr ? p->owner.load(std::memory_order_acquire) : nullptr;
    pending = m != nullptr && !p->idle.load(std::memory_order_relaxed) && m->asked.is_asked();
  }
  if (pending) {
    preempt_wanted.store(1, std::memory_order_release);
  }
}

// Over its slice: asks, and takes the P away if that is not answered.
void watch_slice(P* p, M* m, observation& seen, std::int64_t now, findings& found) noexcept {
  const bool short_slice = p->short_slice.load(std::memory_order_relaxed) == seen.tick;
  const std::int64_t slice = sched.settings.time_slice.count();
  if (now - seen.since < (short_slice ? std::min(hog_slice_ns, slice) : slice)) {
    return;
  }
  if (seen.asked_at == 0) {
    seen.asked_at = now;
    found.acted |= ask_to_yield(m);
  } else if (!m->asked.is_asked()) {
    seen.since = now;  // it has answered, and there was nobody else to run
    seen.asked_at = 0;
  } else if (now - seen.asked_at >= answer_ns) {
    sysmon.taker.add(p, m, detach_cause::slice);
  }
}

// Has dispatched nobody since the last pass: asleep in the kernel? True: it is.
bool probe(P* p, M* m, observation& seen, std::int64_t now, findings& found) noexcept {
  found.suspicious = true;
  if (seen.cpu_at != 0 && now - seen.cpu_at < probe_ns) {
    return false;
  }
  const int thread = m->thread_id.load(std::memory_order_relaxed);
  const std::int64_t before = seen.cpu_at != 0 ? seen.cpu_ns : -1;
  seen.cpu_ns = thread != 0 ? thread_cpu_ns(thread) : -1;
  seen.cpu_at = now;
  if (before >= 0 && seen.cpu_ns == before && !m->asked.inside() && thread_sleeps(thread)) {
    sysmon.taker.add(p, m, detach_cause::undeclared);
    return true;
  }
  return false;
}

void watch_p(P* p, M* m, observation& seen, std::int64_t now, findings& found) noexcept {
  const std::uint32_t tick = p->tick.load(std::memory_order_relaxed);
  const std::uint32_t dispatches = p->dispatches.load(std::memory_order_relaxed);
  const std::uint64_t blocking = m->blocking.load(std::memory_order_relaxed);
  const bool same_fiber = m == seen.m && dispatches == seen.dispatches;
  if (m != seen.m || tick != seen.tick) {
    seen.since = now;
    seen.asked_at = 0;
  }
  if (!same_fiber) {
    seen.cpu_at = 0;
  }
  const bool declared_before = seen.blocking == blocking;
  seen.m = m;
  seen.tick = tick;
  seen.dispatches = dispatches;
  seen.blocking = blocking;
  if (same_fiber && (!p->queue.next_empty() || p->queue.size() > 0)) {
    p->quiet.store(0, std::memory_order_relaxed);
    found.work |= p->queue.stealable();
  }
  if (p->timers.next() < now - overdue_ns) {
    // It looks at its timers then. Not counted as acted: where there is more to do than processors
    // can, timers are late all the time.
    ask_to_yield(m);
    found.work = true;
  }
  if (blocking == M::blocking_mark(dispatches)) {
    found.acted = true;
    if (same_fiber && declared_before) {
      sysmon.taker.add(p, m, detach_cause::declared);
    }
  } else if (same_fiber && !m->asked.inside()) {
    if (!probe(p, m, seen, now, found)) {
      watch_slice(p, m, seen, now, found);
    }
  } else {
    watch_slice(p, m, seen, now, found);
  }
}

// Fibers that park read it: no more often than it is of use.
void publish_time(std::int64_t now) noexcept {
  constexpr std::int64_t resolution_ns = 1'000'000;
  if (now - sched.coarse_now.load(std::memory_order_relaxed) >= resolution_ns) {
    sched.coarse_now.store(now, std::memory_order_relaxed);
  }
}

// A P that idles alone has nothing, unless there was no thread for it; then there may be one now.
// True: there was something, so sysmon must not sleep deeply before this has been tried again.
bool rescue(P* p) noexcept {
  sched.idle.guard.acquire();
  const bool stranded = p->idle.load(std::memory_order_relaxed) && !sched.at_rest &&
                        p->owner.load(std::memory_order_relaxed) == nullptr && p->has_work();
  if (stranded) {
    WEFT_CHECK(sched.said_no_threads.load(std::memory_order_relaxed));
    sched.idle.remove(p);
  }
  sched.idle.guard.release();
  if (stranded) {
    hand_off(p);
  }
  return stranded;
}

findings pass(std::int64_t now) noexcept {
  publish_time(now);
  withdraw_answered();
  findings found;
  found.work = !sched.global.empty();
  const int made = sched.made_ps.load(std::memory_order_acquire);
  for (int i = 0; i < made; ++i) {
    P* const p = sched.p_at(i);
    observation& seen = sysmon.seen[static_cast<std::size_t>(i)];
    if (p == nullptr) {
      continue;
    }
    M* const m = p->owner.load(std::memory_order_acquire);
    if (m == nullptr || p->idle.load(std::memory_order_relaxed)) {
      const std::uint32_t dispatches = p->dispatches.load(std::memory_order_relaxed);
      found.ran |= dispatches != seen.dispatches;
      seen = {};
      seen.dispatches = dispatches;
      if (m == nullptr && sched.said_no_threads.load(std::memory_order_relaxed)) {
        found.ran |= rescue(p);
      }
      continue;
    }
    found.ran = true;
    watch_p(p, m, seen, now, found);
  }
  found.acted |= sysmon.taker.run() > 0;
  if (found.work && sched.idle.willing.load(std::memory_order_acquire) > 0 &&
      sched.idle.spinning.load(std::memory_order_acquire) == 0) {
    wake_helper();
    // Where there may be no thread for it, it is tried again at the long pause.
    found.acted |= !sched.said_no_threads.load(std::memory_order_relaxed);
    found.ran = true;
  }
  return found;
}

void sleep_deeply() noexcept {
  sched.sysmon_deep.store(true, std::memory_order_seq_cst);
  full_fence();
  if (sched.idle.idle_count.load(std::memory_order_seq_cst) <
      sched.proc_count.load(std::memory_order_relaxed)) {
    sched.sysmon_deep.store(false, std::memory_order_relaxed);
    return;
  }
  sched.sysmon_sleep.wait_until(std::min(end_spares(monotonic_ns()), sysmon.next_trace));
  sched.sysmon_deep.store(false, std::memory_order_relaxed);
}

bool all_idle() noexcept {
  return sched.idle.idle_count.load(std::memory_order_acquire) >=
         sched.proc_count.load(std::memory_order_relaxed);
}

// Between two passes. A declared call that begins meanwhile ends a long pause.
void make_pause(std::int64_t ns) noexcept {
  sched.sysmon_slow.store(ns > shortest_pause_ns, std::memory_order_relaxed);
  sched.sysmon_sleep.wait_until(std::min(monotonic_ns() + ns, sysmon.next_trace));
}

// WEFT_SCHEDTRACE. When sysmon was kept from it, lines are left out.
void trace_if_due(std::int64_t now) noexcept {
  if (now < sysmon.next_trace) {
    return;
  }
  print_sched_trace(now - sysmon.begun_at);
  const std::int64_t interval = sched.trace_interval_ns;
  sysmon.next_trace = now + interval - (now - sysmon.begun_at) % interval;
}

void* sysmon_main(void*) noexcept {
  prepare_runtime_thread("weft-sysmon");
  set_kernel_slice(current_thread_id(), kernel_slice_with_p_ns);
  sched.sysmon_thread_id.store(current_thread_id(), std::memory_order_relaxed);
  std::int64_t pause = shortest_pause_ns;
  int quiet = 0;
  bool ran = true;
  while (!sysmon.exit.load(std::memory_order_acquire)) {
    if (hold_is_wanted()) {
      hold_for_others();
      continue;  // the next holder, or the end, may have come meanwhile: one wake for the two
    }
    if (all_idle() && pause >= longest_pause_ns && !ran) {
      check_deadlock();
      sleep_deeply();
      quiet = 0;
      pause = shortest_pause_ns;
    }
    const bool watchful = sched.idle.idle_count.load(std::memory_order_relaxed) > 0 && !all_idle();
    make_pause(std::min(pause, watchful ? watchful_pause_ns : longest_pause_ns));
    const std::int64_t now = monotonic_ns();
    trace_if_due(now);
    if (now >= sysmon.next_spare_look) {
      constexpr std::int64_t spare_look_ns = 100'000'000;
      end_spares(now);
      sysmon.next_spare_look = now + spare_look_ns;
    }
    const findings found = pass(now);
    ran = found.ran;
    if (found.acted) {
      quiet = 0;
      pause = shortest_pause_ns;
    } else if (++quiet > passes_before_backoff) {
      pause = std::min(pause * 2, found.suspicious ? suspicious_pause_ns : longest_pause_ns);
    }
  }
  return nullptr;
}

}  // namespace

void start_sysmon() {
  sysmon.exit.store(false, std::memory_order_relaxed);
  sysmon.seen.fill({});
  sysmon.begun_at = monotonic_ns();
  sysmon.next_trace = sched.trace_interval_ns > 0 ? sysmon.begun_at : never;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&sysmon.thread, nullptr, sysmon_main, nullptr);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    throw std::system_error(error, std::generic_category(),
                            "weft: cannot create the monitor thread");
  }
  sysmon.started = true;
}

void stop_sysmon() noexcept {
  if (!sysmon.started) {
    return;
  }
  sysmon.exit.store(true, std::memory_order_release);
  sched.sysmon_sleep.wake();
  pthread_join(sysmon.thread, nullptr);
  preempt_wanted.store(0, std::memory_order_relaxed);
  sysmon.started = false;
}

void wake_sysmon() noexcept {
  if (sched.sysmon_deep.load(std::memory_order_seq_cst)) {
    sched.sysmon_deep.store(false, std::memory_order_relaxed);
    publish_time(monotonic_ns());
    sched.sysmon_sleep.wake();
  }
}

void nudge_sysmon() noexcept {
  sched.sysmon_slow.store(false, std::memory_order_relaxed);
  sched.sysmon_deep.store(false, std::memory_order_relaxed);
  sched.sysmon_sleep.wake();
}

}  // namespace weft::detail
