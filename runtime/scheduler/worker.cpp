// Ms: their threads, their main loop, how they come, sleep without a P, and go.
//
// An M sleeps either with its P on the idle list, or without one on the spare list. Waking the
// first means taking its P off the list and signalling its note; the second also gives it a P.
// Every sleep on the note is in a loop around what it waits for: wakes may be stale.
//
// Spare Ms are used last in, first out, so that those not needed go on sleeping; sysmon lets them
// end after a while. The thread of one that has ended is joined by the next one to end, or by
// stop().
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <new>
#include <utility>

#include "runtime/machine/alternate_stack.hpp"
#include "runtime/machine/warn.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

void* m_main(void* self) noexcept {
  M* const m = static_cast<M*>(self);
  char name[16];
  std::snprintf(name, sizeof name, "weft-m%d", m->number);
  prepare_runtime_thread(name);
  set_kernel_slice(current_thread_id(), kernel_slice_with_p_ns);
  m->thread_id.store(current_thread_id(), std::memory_order_relaxed);
  const alternate_stack for_signals;
  set_current_m(m);
  m->thread_exceptions = this_thread_exceptions();
  adopt_thread_context(&m->g0);
  while (G* g = find_runnable(m)) {
    execute(m, g);
  }
  set_current_m(nullptr);
  return nullptr;
}

// An M object: one whose thread has ended, or a new one.
M* take_object() noexcept {
  sched.idle.guard.acquire();
  M* const m = sched.unused_ms;
  if (m != nullptr) {
    sched.unused_ms = m->next_spare;
  }
  sched.idle.guard.release();
  return m != nullptr ? m : new (std::nothrow) M;
}

// Bounded by max_threads, which is a fatal error as in Go: a program that needs ten thousand
// threads is broken.
M* make_m() noexcept {
  M* const m = take_object();
  if (m == nullptr) {
    return nullptr;
  }
  sched.idle.guard.acquire();
  const auto count = static_cast<std::size_t>(++sched.m_count);
  m->number = ++sched.m_number;
  sched.idle.guard.release();
  if (count > sched.settings.max_threads) {
    fatal(
        "more threads than options.max_threads allows are needed, one for each fiber that blocks "
        "its thread; raise it if this is meant");
  }
  m->random = random_source(static_cast<std::uint64_t>(monotonic_ns()) ^
                            reinterpret_cast<std::uintptr_t>(m));
  m->spin_ns = 50'000;
  m->tainted = false;
  m->ends = false;
  m->withdraws = false;
  m->asked.begin_inside(!sched.membarrier);
  return m;
}

void say_no_threads(int error) noexcept {
  if (!sched.said_no_threads.exchange(true, std::memory_order_relaxed)) {
    warn(error == EAGAIN ? "weft: cannot create a thread (EAGAIN): going on with those there are. "
                           "See ulimit -u and the cgroup's pids.max\n"
                         : "weft: cannot create a thread (out of memory): going on with those "
                           "there are\n");
  }
}

bool create_thread(M* m) noexcept {
  if (testing_fail_threads.load(std::memory_order_relaxed)) {
    return say_no_threads(EAGAIN), false;
  }
  const int error = pthread_create(&m->thread, nullptr, m_main, m);
  if (error != 0) {
    say_no_threads(error);
  }
  return error == 0;
}

// Under idle.guard.
void unlink_m(M* m) noexcept {
  for (M** link = &sched.all_ms; *link != nullptr; link = &(*link)->next_of_all) {
    if (*link == m) {
      *link = m->next_of_all;
      break;
    }
  }
  --sched.m_count;
}

// The calling thread is about to end. Joins the one that did so before.
void retire_m(M* m) noexcept {
  sched.idle.guard.acquire();
  if (m->exiting) {
    sched.idle.guard.release();
    return;  // stop() joins it
  }
  unlink_m(m);
  M* const before = std::exchange(sched.ended_m, m);
  sched.idle.guard.release();
  sched.counts.threads_ended.fetch_add(1, std::memory_order_relaxed);
  if (before != nullptr) {
    pthread_join(before->thread, nullptr);
    sched.idle.guard.acquire();
    before->next_spare = sched.unused_ms;
    sched.unused_ms = before;
    sched.idle.guard.release();
  }
}

}  // namespace

std::atomic<bool> testing_fail_threads{false};
std::atomic<std::int64_t> testing_spare_patience_ns{5'000'000'000};

void push_spare(M* m) noexcept {
  m->spare_since = monotonic_ns();
  m->next_spare = sched.spare_ms;
  sched.spare_ms = m;
  ++sched.spare_count;
  m->spare = true;
}

bool sleep_spare(M* m) noexcept {
  idle_list& idle = sched.idle;
  for (;;) {
    idle.guard.acquire();
    const bool ends = m->ends || m->tainted;
    const bool goes_on = m->p.load(std::memory_order_relaxed) != nullptr;
    if (ends || goes_on || m->exiting) {
      idle.guard.release();
      if (ends) {
        retire_m(m);
      }
      return goes_on && !ends && !m->exiting;
    }
    if (!m->spare) {
      push_spare(m);
    }
    idle.guard.release();
    m->sleep.wait();
  }
}

std::int64_t end_spares(std::int64_t now) noexcept {
  const std::int64_t patience = testing_spare_patience_ns.load(std::memory_order_relaxed);
  for (;;) {
    std::int64_t next = never;
    sched.idle.guard.acquire();
    M** link = &sched.spare_ms;
    // A thread that a poller's requests depend on would have to stay.
    while (*link != nullptr && now - (*link)->spare_since < patience) {
      next = std::min(next, (*link)->spare_since + patience);
      link = &(*link)->next_spare;
    }
    M* const m = *link;
    if (m != nullptr) {
      *link = m->next_spare;
      --sched.spare_count;
      m->spare = false;
      m->ends = true;
    }
    sched.idle.guard.release();
    if (m == nullptr) {
      return next;
    }
    m->sleep.wake();
  }
}

bool start_m(P* p, bool spinning) noexcept {
  idle_list& idle = sched.idle;
  idle.guard.acquire();
  M* m = sched.spare_ms;
  if (m != nullptr) {
    sched.spare_ms = m->next_spare;
    --sched.spare_count;
    m->spare = false;
    m->spinning = spinning;
    m->p.store(p, std::memory_order_relaxed);
    p->owner.store(m, std::memory_order_release);
    idle.guard.release();
    m->sleep.wake();
    return true;
  }
  idle.guard.release();
  m = make_m();
  if (m == nullptr) {
    say_no_threads(ENOMEM);
    return false;
  }
  m->spinning = spinning;
  m->watched = sched.on_switch != nullptr;
  m->unusual = m->watched;
  idle.guard.acquire();
  m->p.store(p, std::memory_order_relaxed);
  p->owner.store(m, std::memory_order_release);
  m->next_of_all = sched.all_ms;
  sched.all_ms = m;
  idle.guard.release();
  sched.counts.threads_made.fetch_add(1, std::memory_order_relaxed);
  if (create_thread(m)) {
    return true;
  }
  idle.guard.acquire();
  p->owner.store(nullptr, std::memory_order_release);
  m->p.store(nullptr, std::memory_order_relaxed);
  unlink_m(m);
  m->next_spare = sched.unused_ms;
  sched.unused_ms = m;
  idle.guard.release();
  return false;
}

bool wake_p(P* p, M* m, bool spinning) noexcept {
  if (m != nullptr) {
    m->sleep.wake();  // m->spinning is what whoever took p off the list has made it
    wake_sysmon();
    return true;
  }
  if (start_m(p, spinning)) {
    wake_sysmon();
    return true;
  }
  // No thread for it. One that sleeps with another P must do the work: it would not be found
  // behind this P at the next try either.
  sched.idle.guard.acquire();
  sched.idle.push(p);
  P* other = sched.at_rest ? nullptr : sched.idle.first();
  while (other != nullptr && other->owner.load(std::memory_order_relaxed) == nullptr) {
    other = other->next_idle;
  }
  m = other != nullptr ? other->owner.load(std::memory_order_relaxed) : nullptr;
  if (m != nullptr) {
    sched.idle.remove(other);
    m->spinning = spinning;
  }
  sched.idle.guard.release();
  if (m == nullptr) {
    wake_sysmon();  // which tries again
    return false;
  }
  m->sleep.wake();
  wake_sysmon();
  return true;
}

void join_all_ms() noexcept {
  idle_list& idle = sched.idle;
  idle.guard.acquire();
  for (M* m = sched.all_ms; m != nullptr; m = m->next_of_all) {
    m->exiting = true;
  }
  idle.guard.release();
  for (M* m = sched.all_ms; m != nullptr; m = m->next_of_all) {
    m->sleep.wake();
  }
  // All of them before the first is freed: one may have woken another, and not be through with it.
  for (M* m = sched.all_ms; m != nullptr; m = m->next_of_all) {
    pthread_join(m->thread, nullptr);
  }
  while (M* const m = sched.all_ms) {
    sched.all_ms = m->next_of_all;
    delete m;
  }
  if (M* const m = std::exchange(sched.ended_m, nullptr); m != nullptr) {
    pthread_join(m->thread, nullptr);
    delete m;
  }
  while (M* const m = sched.unused_ms) {
    sched.unused_ms = m->next_spare;
    delete m;
  }
  sched.spare_ms = nullptr;
  sched.spare_count = 0;
  sched.m_count = 0;
  sched.m_number = 0;
}

}  // namespace weft::detail
