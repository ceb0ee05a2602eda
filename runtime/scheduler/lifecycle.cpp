// Starting and stopping the runtime, and changing the number of Ps.
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "runtime/machine/cpu_limit.hpp"
#include "runtime/scheduler/report.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/state/solo.hpp"

namespace weft {

namespace detail {

std::atomic<bool> testing_no_membarrier{false};

namespace {

constinit std::mutex lifecycle;

void stop_at_exit() noexcept {
  // exit() on a fiber, or in a forked child: the threads go with the process.
  if (current_m() == nullptr && sched.state.load(std::memory_order_acquire) == phase::running) {
    stop();
  }
}

void mark_forked() noexcept {
  if (sched.state.load(std::memory_order_relaxed) != phase::stopped) {
    sched.state.store(phase::forked, std::memory_order_relaxed);
    forget_reports_in_child();
    if (M* const m = current_m(); m != nullptr) {
      request_yield(m);
    }
  }
}

void install_process_hooks() {
  static const bool installed = [] {
    std::atexit(stop_at_exit);
    pthread_atfork(nullptr, nullptr, mark_forked);
    return true;
  }();
  static_cast<void>(installed);
}

// From 1 to `most`; 0: not set.
int number_from_environment(const std::string& name, const char* what, int most) {
  const char* const text = std::getenv(name.c_str());
  if (text == nullptr || *text == '\0') {
    return 0;
  }
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  if (*end != '\0' || n < 1 || n > most) {
    throw std::invalid_argument("weft: " + name + " must be " + what + " from 1 to " +
                                std::to_string(most) + ", it is \"" + text + '"');
  }
  return static_cast<int>(n);
}

std::int64_t trace_interval_from_environment() {
  constexpr int ms_per_day = 86'400'000;
  constexpr std::int64_t ns_per_ms = 1'000'000;
  return ns_per_ms *
         number_from_environment("WEFT_SCHEDTRACE", "a number of milliseconds", ms_per_day);
}

options validated(options o) {
  if (o.procs < 0 || o.procs > max_procs) {
    throw std::invalid_argument("weft: options.procs must be 0 (automatic) or 1 to 1024, it is " +
                                std::to_string(o.procs));
  }
  constexpr std::size_t largest_stack = std::size_t{1} << 30;
  if (o.stack_size > largest_stack) {
    throw std::invalid_argument("weft: options.stack_size is at most 1 GiB, it is " +
                                std::to_string(o.stack_size) + " bytes");
  }
  if (o.time_slice < std::chrono::microseconds(1)) {
    throw std::invalid_argument("weft: options.time_slice must be at least 1 us, it is " +
                                std::to_string(o.time_slice.count()) + " ns");
  }
  if (o.max_threads < 1) {
    throw std::invalid_argument("weft: options.max_threads must be at least 1");
  }
  if (o.procs == 0) {
    o.procs = number_from_environment("WEFT_PROCS", "a number", max_procs);
  }
  if (o.procs == 0) {
    o.procs = std::min(usable_cpus(), max_procs);
  }
  return o;
}

// With sched.memory held.
void free_ps() noexcept {
  for (auto& slot : sched.all_ps) {
    if (P* const p = slot.exchange(nullptr, std::memory_order_acq_rel); p != nullptr) {
      p->stacks.drain();
      sched.former_ps.add(p->counts);
      delete p;
    }
  }
  sched.made_ps.store(0, std::memory_order_relaxed);
  sched.proc_count.store(0, std::memory_order_relaxed);
}

// Everything is down or never came up: gives all memory back.
void tear_down() noexcept {
  stop_sysmon();
  join_all_ms();
  while (sched.idle.first() != nullptr) {
    sched.idle.pop_any();
  }
  sched.idle.spinning.store(0, std::memory_order_relaxed);
  sched.memory.acquire();
  free_ps();
  sched.pool.release_all();
  sched.memory.release();
  stack_depot::release_all();
  sched.said_no_threads.store(false, std::memory_order_relaxed);
  remove_reports();
}

// Makes Ps up to n and puts those without an M on the idle list.
void use_ps(int n) {
  for (int i = 0; i < n; ++i) {
    if (sched.p_at(i) == nullptr) {
      sched.all_ps[static_cast<std::size_t>(i)].store(make_p(i), std::memory_order_release);
      sched.made_ps.store(std::max(i + 1, sched.made_ps.load()), std::memory_order_release);
    }
  }
  sched.idle.guard.acquire();
  sched.proc_count.store(n, std::memory_order_release);
  for (int i = n; i-- > 0;) {
    P* const p = sched.p_at(i);
    if (p->retired) {
      p->retired = false;
      sched.idle.push(p);
    }
  }
  sched.idle.guard.release();
}

void start_locked(const options& settings) {
  sched.trace_interval_ns = trace_interval_from_environment();
  sched.settings = settings;
  sched.may_spin = affinity_cpus() > 1;
  sched.membarrier = !testing_no_membarrier.load() && register_membarrier();
  sched.coarse_now.store(monotonic_ns(), std::memory_order_relaxed);
  install_process_hooks();
  find_switch_hook();
  stack_depot::configure(
      {.stack_size = settings.stack_size, .allow_unguarded = settings.allow_unguarded_stacks});
  install_reports();
  try {
    sched.pool.adopt_leftovers();
    use_ps(settings.procs);
    sched.idle.guard.acquire();
    P* const first = sched.idle.pop();
    sched.idle.guard.release();
    if (!start_m(first, false)) {
      throw std::system_error(EAGAIN, std::generic_category(),
                              "weft: cannot create a thread to run fibers on");
    }
    start_sysmon();
    // Last: from here on other threads use what has been made.
    sched.state.store(phase::running, std::memory_order_seq_cst);
    if (settings.procs == 1) {
      begin_solo();
    }
  } catch (...) {
    tear_down();
    sched.state.store(phase::stopped, std::memory_order_release);
    throw;
  }
}

}  // namespace

P* make_p(int index) {
  auto p = std::make_unique<P>();
  p->index = index;
  if (index > 0) {
    p->queue.share();
  }
  return p.release();
}

bool retire_p(P* p, M* m) noexcept {
  while (G* g = p->queue.pop_next()) {
    sched.global.push(g);
  }
  while (G* g = p->queue.pop_front()) {
    sched.global.push(g);
  }
  p->timers.move_to(sched.p_at(0)->timers);
  outside_timer_is_first();
  p->stacks.drain();
  p->records.drain(sched.pool);
  sched.idle.guard.acquire();
  const bool retires = p->index >= sched.proc_count.load(std::memory_order_relaxed);
  if (retires) {
    p->owner.store(nullptr, std::memory_order_relaxed);
    p->retired = true;
    if (m != nullptr) {
      m->p.store(nullptr, std::memory_order_relaxed);
    }
  }
  sched.idle.guard.release();
  full_fence();
  if (!sched.global.empty()) {
    wake_helper();
  }
  return retires;
}

void begin_outside_timer() { begin_outside_call(); }
void end_outside_timer() noexcept { end_outside_call(); }

timer_heap& outside_timer_heap() noexcept { return sched.p_at(0)->timers; }

// Under the lock: the M that sleeps with the P may just be losing it to another one, and that one
// goes to sleep by way of the lock, too, and then sees the timer.
void outside_timer_is_first() noexcept {
  const outside_call in;
  sched.idle.guard.acquire();
  P* const p = sched.p_at(0);
  M* const m = p != nullptr ? p->owner.load(std::memory_order_relaxed) : nullptr;
  const bool alone = p != nullptr && m == nullptr && p->idle && !sched.at_rest;
  if (alone) {
    sched.idle.remove(p);
  }
  sched.idle.guard.release();
  if (m != nullptr) {
    m->sleep.wake();
  } else if (alone) {
    wake_p(p, nullptr, false);
  }
}

void ensure_started() {
  const phase now = sched.state.load(std::memory_order_acquire);
  if (now == phase::running || (now == phase::stopping && current_m() != nullptr)) [[likely]] {
    return;
  }
  if (now == phase::forked) {
    fail_forked();
  }
  if (now == phase::stopping) {
    throw std::logic_error("weft: the runtime is stopping: no fiber can be started from outside");
  }
  const std::scoped_lock hold(lifecycle);
  if (sched.state.load(std::memory_order_acquire) == phase::stopped) {
    start_locked(validated({}));
  }
}

// Either stop() sees the count, or this sees its phase: both are sequentially consistent.
void begin_outside_call() {
  current_stand_in();
  for (;;) {
    ensure_started();
    sched.outside_calls.fetch_add(1, std::memory_order_seq_cst);
    if (sched.state.load(std::memory_order_seq_cst) == phase::running) {
      return;
    }
    end_outside_call();
  }
}

void end_outside_call() noexcept { sched.outside_calls.fetch_sub(1, std::memory_order_release); }

void fail_forked() noexcept {
  fatal(
      "this is the child of a fork() made while the runtime was running; its threads do not exist "
      "here. Call exec, or fork before start()");
}

}  // namespace detail

void start(options settings) {
  using namespace detail;
  if (sched.state.load(std::memory_order_acquire) == phase::forked) {
    fail_forked();
  }
  const options checked = validated(settings);
  current_stand_in();  // this thread is known from now on
  const std::scoped_lock hold(lifecycle);
  if (sched.state.load(std::memory_order_acquire) != phase::stopped) {
    throw std::logic_error("weft::start: the runtime is running already; stop() it first");
  }
  start_locked(checked);
}

void stop() {
  using namespace detail;
  if (current_m() != nullptr) {
    throw std::logic_error(
        "weft::stop: called from a fiber, it would wait for itself; return from main instead, or "
        "call it from a plain thread");
  }
  if (sched.state.load(std::memory_order_acquire) == phase::forked) {
    return;
  }
  current_stand_in();  // this thread is known from now on
  const std::scoped_lock hold(lifecycle);
  if (sched.state.load(std::memory_order_acquire) != phase::running) {
    return;
  }
  report_leaks_at_stop();
  end_solo();
  sched.state.store(phase::stopping, std::memory_order_seq_cst);
  unwind_everything();
  tear_down();
  sched.state.store(phase::stopped, std::memory_order_release);
}

bool running() noexcept {
  const auto state = detail::sched.state.load(std::memory_order_acquire);
  return state == detail::phase::running || state == detail::phase::stopping;
}

bool stopping() noexcept {
  return detail::sched.state.load(std::memory_order_acquire) == detail::phase::stopping;
}

int procs() noexcept {
  return running() ? detail::sched.proc_count.load(std::memory_order_acquire) : 0;
}

namespace detail {
namespace {

// p is to go out of use, or to offer its work to the others, because there are n Ps now.
void adapt_p(P* p, int n) noexcept {
  sched.idle.guard.acquire();
  M* const m = p->owner.load(std::memory_order_relaxed);
  const bool retire_idle = p->index >= n && p->idle;
  if (retire_idle) {
    sched.idle.remove(p);
  }
  sched.idle.guard.release();
  if (retire_idle) {
    m != nullptr ? m->sleep.wake() : hand_off(p);
  } else if (m != nullptr && (p->index >= n || !p->queue.stealable())) {
    request_yield(m);
  }
}

}  // namespace
}  // namespace detail

int set_procs(int n) {
  using namespace detail;
  if (n < 1 || n > max_procs) {
    throw std::invalid_argument("weft::set_procs: 1 to 1024, not " + std::to_string(n));
  }
  // A fiber must not sleep in the mutex while it holds a P that stop() waits for.
  std::unique_lock hold(lifecycle, std::defer_lock);
  if (current_m() == nullptr) {
    hold.lock();
  }
  while (!hold.owns_lock() && !hold.try_lock()) {
    this_fiber::yield();
    if (sched.state.load(std::memory_order_acquire) == phase::stopping) {
      throw unwind();
    }
  }
  if (sched.state.load(std::memory_order_acquire) != phase::running) {
    throw std::logic_error("weft::set_procs: the runtime does not run");
  }
  const int before = sched.proc_count.load(std::memory_order_relaxed);
  if (n > 1) {
    end_solo();
  }
  use_ps(n);
  for (int i = 0; i < sched.made_ps.load(); ++i) {
    adapt_p(sched.p_at(i), n);
  }
  return before;
}

}  // namespace weft
