// Ms: their threads, their main loop, and who wakes them.
//
// An M sleeps either with its P on the idle list, or without one on the spare list. Waking the
// first means taking its P off the list and signalling its note; the second also gives it a P.
#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <new>

#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

void* m_main(void* self) noexcept {
  M* const m = static_cast<M*>(self);
  char name[16];
  std::snprintf(name, sizeof name, "weft-m%d", m->number);
  prepare_runtime_thread(name);
  set_current_m(m);
  m->thread_exceptions = this_thread_exceptions();
  adopt_thread_context(&m->g0);
  m->in_rt.store(1, std::memory_order_relaxed);
  while (G* g = find_runnable(m)) {
    execute(m, g);
  }
  set_current_m(nullptr);
  return nullptr;
}

// Bounded by max_threads, which is a fatal error as in Go: a program that needs ten thousand
// threads is broken.
M* make_m() noexcept {
  M* const m = new (std::nothrow) M;
  if (m == nullptr) {
    return nullptr;
  }
  sched.idle.guard.acquire();
  const auto count = static_cast<std::size_t>(++sched.m_count);
  m->number = sched.m_count;
  sched.idle.guard.release();
  if (count > sched.settings.max_threads) {
    fatal("more threads than options.max_threads allows are needed; raise it if this is meant");
  }
  m->random = random_source(static_cast<std::uint64_t>(monotonic_ns()) ^
                            reinterpret_cast<std::uintptr_t>(m));
  m->spin_ns = 50'000;
  return m;
}

void say_no_threads(int error) noexcept {
  if (!sched.said_no_threads.exchange(true, std::memory_order_relaxed)) {
    std::fprintf(stderr,
                 "weft: cannot create a thread (%s): going on with those there are. "
                 "See ulimit -u and the cgroup's pids.max\n",
                 error == EAGAIN ? "EAGAIN" : "out of memory");
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

}  // namespace

std::atomic<bool> testing_fail_threads{false};

bool start_m(P* p, bool spinning) noexcept {
  idle_list& idle = sched.idle;
  idle.guard.acquire();
  M* m = sched.spare_ms;
  if (m != nullptr) {
    sched.spare_ms = m->next_spare;
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
  m->p.store(p, std::memory_order_relaxed);
  p->owner.store(m, std::memory_order_release);
  idle.guard.acquire();
  m->next_of_all = sched.all_ms;
  sched.all_ms = m;
  idle.guard.release();
  if (create_thread(m)) {
    return true;
  }
  p->owner.store(nullptr, std::memory_order_release);
  idle.guard.acquire();
  for (M** link = &sched.all_ms; *link != nullptr; link = &(*link)->next_of_all) {
    if (*link == m) {
      *link = m->next_of_all;
      break;
    }
  }
  --sched.m_count;
  idle.guard.release();
  delete m;
  return false;
}

bool wake_p(P* p, bool spinning) noexcept {
  if (M* m = p->owner.load(std::memory_order_acquire); m != nullptr) {
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
  M* const m = other != nullptr ? other->owner.load(std::memory_order_relaxed) : nullptr;
  if (m != nullptr) {
    sched.idle.remove(other);
    m->spinning = spinning;
  }
  sched.idle.guard.release();
  if (m == nullptr) {
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
  while (M* m = sched.all_ms) {
    pthread_join(m->thread, nullptr);
    sched.all_ms = m->next_of_all;
    delete m;
  }
  sched.spare_ms = nullptr;
  sched.m_count = 0;
}

}  // namespace weft::detail
