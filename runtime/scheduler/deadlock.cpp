// When nothing can ever run again: fatal error, with everybody who waits.
//
// That is so when every P is idle and nothing is runnable, no fiber runs without a P (blocks its
// thread, say), no timer is armed, and every plain thread that has ever called into weft waits in
// it, without a deadline. As long as there are other threads in the process, which may call weft
// for the first time at any moment, it cannot be known, and nothing is said.
//
// It is looked for when that can have come true: when the last P goes idle, when a plain thread
// begins to wait or ends, and when the world is let go; and once more before sysmon goes to sleep
// for good, in case an M was still on its way to idle then, or a thread without its name.
//
//   awake  plain threads that have called weft and do not wait in it without a deadline. Lowered by
//          the thread once all is done that belongs to its wait, which may be to wake others (who
//          waits for a condition variable unlocks a mutex); raised by whoever ends the wait, before
//          it wakes the thread, and perhaps before it was lowered: seq_cst. So while somebody is
//          about to go on, it is not 0. Whoever ends it knows by counted_asleep, which the thread
//          sets before others can see its wait.
//
// Lock order: takes the scheduler lock; no other may be held.
// Tested by:  tests/unit/deadlock_test.cpp
#include <dirent.h>
#include <sys/stat.h>

#include <cstdlib>

#include "runtime/scheduler/report.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"

namespace weft::detail {

namespace {

constinit std::atomic<int> awake{0};

bool any_timer() noexcept {
  const int made = sched.made_ps.load(std::memory_order_acquire);
  for (int i = 0; i < made; ++i) {
    P* const p = sched.p_at(i);
    if (p != nullptr && p->timers.next() != timer_heap::no_time && p->timers.any_armed()) {
      return true;
    }
  }
  return false;
}

struct thread_search {
  int thread_id;
  bool found;
};

// Under idle.guard.
bool is_known(int thread_id) noexcept {
  for (const M* m = sched.all_ms; m != nullptr; m = m->next_of_all) {
    if (m->thread_id.load(std::memory_order_relaxed) == thread_id) {
      return true;
    }
  }
  if (sched.ended_m != nullptr && sched.ended_m->thread_id.load() == thread_id) {
    return true;
  }
  if (sched.sysmon_thread_id.load(std::memory_order_relaxed) == thread_id ||
      thread_id == report_thread_id()) {
    return true;
  }
  thread_search search{thread_id, false};
  for_each_stand_in(
      [](G* g, void* s) {
        auto* const wanted = static_cast<thread_search*>(s);
        wanted->found |= g->kernel_thread_id == wanted->thread_id;
      },
      &search);
  return search.found;
}

// Threads that weft has never heard of; also true if that cannot be told. Under idle.guard.
bool unknown_threads() noexcept {
  DIR* const tasks = opendir("/proc/self/task");
  if (tasks == nullptr) {
    return true;
  }
  int count = 0;
  std::size_t listed = 0;
  while (const dirent* const entry = readdir(tasks)) {
    const int thread_id = std::atoi(entry->d_name);
    listed += thread_id != 0 ? 1 : 0;
    count += thread_id != 0 && !is_known(thread_id) ? 1 : 0;
  }
  // The kernel stops listing at a thread that just ends, and so may leave out one that lives. Asked
  // afterwards for their number, it counts all.
  struct stat info;
  const bool all_listed = fstat(dirfd(tasks), &info) == 0 && info.st_nlink <= listed + 2;
  closedir(tasks);
#if defined(WEFT_SANITIZE_THREAD)
  --count;  // its own
#endif
  return count > 0 || !all_listed;
}

struct status_count {
  int waiting = 0;
  int runnable = 0;
};

void count_status(G* g, void* counts) noexcept {
  auto* const c = static_cast<status_count*>(counts);
  const g_status status = g->status.load(std::memory_order_relaxed);
  c->waiting += status == g_status::waiting ? 1 : 0;
  c->runnable += status == g_status::runnable ? 1 : 0;
}

// Somebody, and nobody is runnable on an idle P for which no thread could be made: see hand_off().
bool all_wait() noexcept {
  status_count count;
  sched.pool.for_each(count_status, &count);
  for_each_stand_in(count_status, &count);
  return count.waiting > 0 && count.runnable == 0;
}

}  // namespace

void plain_thread_comes() noexcept { awake.fetch_add(1, std::memory_order_seq_cst); }

void plain_thread_goes() noexcept {
  if (awake.fetch_sub(1, std::memory_order_seq_cst) == 1) {
    check_deadlock();
  }
}

void plain_thread_waits() noexcept { plain_thread_goes(); }

void wake_plain_thread(G* g) noexcept {
  if (g->counted_asleep) {
    g->counted_asleep = false;
    awake.fetch_add(1, std::memory_order_seq_cst);
  }
  g->sleep.wake();
}

bool no_other_thread_is_awake() noexcept {
  if (awake.load(std::memory_order_seq_cst) > 1) {
    return false;
  }
  sched.idle.guard.acquire();
  const bool unknown = unknown_threads();
  sched.idle.guard.release();
  return !unknown;
}

void check_deadlock() noexcept {
  if (awake.load(std::memory_order_seq_cst) > 0 || !sched.settings.detect_deadlock ||
      sched.state.load(std::memory_order_acquire) != phase::running) {
    return;
  }
  sched.idle.guard.acquire();
  // Who is awake is asked again at the end: a thread may have come for the first time meanwhile.
  if (!sched.at_rest && nothing_moves() && !any_timer() && all_wait() && !unknown_threads() &&
      awake.load(std::memory_order_seq_cst) == 0) {
    report_deadlock();
  }
  sched.idle.guard.release();
}

}  // namespace weft::detail
