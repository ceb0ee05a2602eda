// Stack overflow: says which fiber it was, and dies as it would have.
//
// A handler for SIGSEGV and SIGBUS looks whether the address is in the guard page of the running
// fiber's stack. If not, the fault is none of ours and goes to whoever handled the signal before.
// If so, first what must be said is said, with nothing but write(); then comes the backtrace, with
// names, which takes locks that the fiber may hold itself (an overflow inside malloc). So before
// that the default action is back in place and a timer is set that sends the signal: the process
// dies by it whatever happens.
//
// Atomics: reporting  exchange acq_rel: one report; another thread that overflows meanwhile waits
//                     for the end of the process.
// Tested by: tests/unit/overflow_test.cpp
#include "runtime/report/overflow.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "runtime/machine/backtrace.hpp"
#include "runtime/machine/chained_signal.hpp"
#include "runtime/machine/signal_text.hpp"
#include "runtime/report/frames.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

constinit chained_signal segmentation_faults;
constinit chained_signal bus_errors;
constinit std::atomic<bool> reporting{false};

std::uintptr_t stack_pointer(const void* context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return machine.sp;
#else
  static_cast<void>(machine);
  return 0;
#endif
}

// The fiber that runs on this thread, if the fault is its stack's overflow.
const G* overflowed_fiber(const siginfo_t* info, std::uintptr_t sp) noexcept {
  const M* const m = current_m();
  const G* const g = m != nullptr ? m->running : nullptr;
  stack_depot::region hit;
  if (g == nullptr || g->bound == nullptr || info->si_code <= 0 ||
      !stack_depot::find(info->si_addr, &hit) || info->si_addr >= hit.limit) {
    return nullptr;
  }
  const auto own_limit = reinterpret_cast<std::uintptr_t>(g->bound->limit);
  const auto hit_guard = reinterpret_cast<std::uintptr_t>(hit.guard);
  // A large frame may reach over the own guard page, into the one of a stack below.
  const bool own = hit.limit == g->bound->limit || (sp != 0 && sp < own_limit && sp >= hit_guard);
  return own ? g : nullptr;
}

// The default action, now, for whoever sends the signal; and somebody will.
void die_soon_by(int number) noexcept {
  signal(number, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = number;
  int timer = 0;
  if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0) {
    itimerspec in{};
    in.it_value.tv_sec = 10;
    syscall(SYS_timer_settime, timer, 0, &in, nullptr);
  }
}

void say_overflow(const G* g, const void* address) noexcept {
  signal_text text;
  text << "fatal error: weft: stack overflow in fiber " << g->id;
  if (g->name != nullptr) {
    text << " \"" << *g->name << '"';
  }
  text << "\n  Its stack of " << std::uint64_t{g->bound->size} << " bytes is used up (address "
       << address << ").\n"
       << (g->own_stack_size
               ? "  For a larger one raise the fiber_options.stack_size that it was started with.\n"
               : "  For a larger one start it with fiber_options.stack_size, or raise "
                 "options.stack_size\n  for all fibers.\n");
  text.print();
}

void say_addresses(const backtrace& trace) noexcept {
  constexpr std::size_t enough = 8;
  signal_text text;
  text << "  At:";
  for (std::size_t i = 0; i < trace.size() && i < enough; ++i) {
    text << ' ' << reinterpret_cast<const void*>(trace[i]);
  }
  text << "\nBacktrace:\n";
  text.print();
}

void report_overflow(int number, const G* g, const void* address, std::uintptr_t sp) noexcept {
  if (reporting.exchange(true, std::memory_order_acq_rel)) {
    for (;;) {
      pause();
    }
  }
  say_overflow(g, address);
  die_soon_by(number);
  backtrace trace;
  walk_own_stack(trace, {sp, reinterpret_cast<std::uintptr_t>(g->bound->top)});
  say_addresses(trace);
#if !defined(WEFT_SANITIZE_THREAD)
  // ThreadSanitizer has something to say about each allocation in a signal handler.
  std::string frames;
  symbols names;
  append_frames(frames, trace, names);
  signal_text text;
  text << frames;
  text.print();
#endif
}

void on_fault(int number, siginfo_t* info, void* context) {
  chained_signal& chain = number == SIGSEGV ? segmentation_faults : bus_errors;
  const int saved_errno = errno;
  const std::uintptr_t sp = stack_pointer(context);
  if (const G* const g = overflowed_fiber(info, sp); g != nullptr) {
    report_overflow(number, g, info->si_addr, sp);
  } else {
    chain.pass_on(info, context);
  }
  // After a report the fault happens again, and is final.
  errno = saved_errno;
}

}  // namespace

void install_overflow_report() noexcept {
  reporting.store(false, std::memory_order_relaxed);
  segmentation_faults.install(SIGSEGV, on_fault);
  bus_errors.install(SIGBUS, on_fault);
}

void remove_overflow_report() noexcept {
  segmentation_faults.remove();
  bus_errors.remove();
}

}  // namespace weft::detail
