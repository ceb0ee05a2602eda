// sysmon: a thread without a P that watches the others.
//
// Each pass: a P that has been in one slice for options.time_slice, or has not looked at its timers
// for 1 ms after one was due, is asked to yield (stage 1 of preemption: the fiber obeys at its next
// runtime call or checkpoint()); runnable work beside an idle P wakes a thief. The pause between
// passes grows from 20 us to 10 ms while there is nothing to do (2 ms while some P is idle and
// another is not, which bounds how long a fiber left in runnext waits for a thief); when all Ps are
// idle it sleeps without a timeout, and whoever wakes a P wakes it.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

constexpr std::int64_t shortest_pause_ns = 20'000;
constexpr std::int64_t watchful_pause_ns = 2'000'000;
constexpr std::int64_t longest_pause_ns = 10'000'000;
constexpr int passes_before_backoff = 50;

struct observation {
  std::uint32_t tick = 0;
  std::uint32_t dispatches = 0;
  std::int64_t since = 0;
};

struct sysmon_state {
  pthread_t thread{};
  std::atomic<bool> exit{false};
  bool started = false;
  std::array<observation, max_procs> seen;
};

sysmon_state sysmon;

// True if the fiber on p is newly asked to yield.
bool ask_to_yield(P* p) noexcept {
  M* const m = p->owner.load(std::memory_order_acquire);
  request none = request::none;
  return m != nullptr &&
         m->req.compare_exchange_strong(none, request::yield, std::memory_order_acq_rel);
}

bool ask_if_overdue(P* p, observation& seen, std::int64_t now) noexcept {
  const std::uint32_t tick = p->tick.load(std::memory_order_relaxed);
  if (tick != seen.tick) {
    seen.tick = tick;
    seen.since = now;
    return false;
  }
  if (now - seen.since < sched.settings.time_slice.count()) {
    return false;
  }
  seen.since = now;
  return ask_to_yield(p);
}

// Work that waits on a P which has dispatched nobody since the last pass.
bool has_stuck_work(P* p, observation& seen) noexcept {
  const std::uint32_t dispatches = p->dispatches.load(std::memory_order_relaxed);
  const bool stuck = dispatches == seen.dispatches;
  seen.dispatches = dispatches;
  return stuck && (p->queue.peek_next() != nullptr || p->queue.size() > 0);
}

// One look at all Ps. True if there was something to do.
bool pass(std::int64_t now) noexcept {
  bool acted = false;
  bool work = !sched.global.empty();
  const int made = sched.made_ps.load(std::memory_order_acquire);
  for (int i = 0; i < made; ++i) {
    P* const p = sched.p_at(i);
    observation& seen = sysmon.seen[static_cast<std::size_t>(i)];
    if (p->idle.load(std::memory_order_relaxed)) {
      seen.since = now;
      continue;
    }
    acted |= ask_if_overdue(p, seen, now);
    constexpr std::int64_t overdue_ns = 1'000'000;
    if (has_stuck_work(p, seen)) {
      p->quiet.store(0, std::memory_order_relaxed);
      work = true;
    }
    if (p->timers.next() < now - overdue_ns) {
      acted |= ask_to_yield(p);  // it looks at its timers then
      work = true;
    }
  }
  if (work && sched.idle.idle_count.load(std::memory_order_acquire) > 0 &&
      sched.idle.spinning.load(std::memory_order_acquire) == 0) {
    wake_helper();
    acted = true;
  }
  return acted;
}

void sleep_deeply() noexcept {
  sched.sysmon_deep.store(true, std::memory_order_seq_cst);
  full_fence();
  if (sched.idle.idle_count.load(std::memory_order_seq_cst) <
      sched.proc_count.load(std::memory_order_relaxed)) {
    sched.sysmon_deep.store(false, std::memory_order_relaxed);
    return;
  }
  sched.sysmon_sleep.wait();
}

void* sysmon_main(void*) noexcept {
  prepare_runtime_thread("weft-sysmon");
  std::int64_t pause = shortest_pause_ns;
  int quiet = 0;
  while (!sysmon.exit.load(std::memory_order_acquire)) {
    const int idle = sched.idle.idle_count.load(std::memory_order_acquire);
    const int procs = sched.proc_count.load(std::memory_order_relaxed);
    if (idle >= procs && pause >= longest_pause_ns) {
      sleep_deeply();
      quiet = 0;
      pause = shortest_pause_ns;
    }
    const bool watchful = idle > 0 && idle < procs;
    sched.sysmon_sleep.wait_until(monotonic_ns() +
                                  std::min(pause, watchful ? watchful_pause_ns : longest_pause_ns));
    if (pass(monotonic_ns())) {
      quiet = 0;
      pause = shortest_pause_ns;
    } else if (++quiet > passes_before_backoff) {
      pause = std::min(pause * 2, longest_pause_ns);
    }
  }
  return nullptr;
}

}  // namespace

void start_sysmon() {
  sysmon.exit.store(false, std::memory_order_relaxed);
  sysmon.seen.fill({});
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
  sysmon.started = false;
}

// Whoever wakes a P calls this. sysmon is deep asleep only when all Ps are idle.
void wake_sysmon() noexcept {
  if (sched.sysmon_deep.load(std::memory_order_seq_cst)) {
    sched.sysmon_deep.store(false, std::memory_order_relaxed);
    sched.sysmon_sleep.wake();
  }
}

}  // namespace weft::detail
