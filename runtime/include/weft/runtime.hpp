// Starting, stopping and asking the runtime; the calling fiber.
//
//   weft::run([] { ... });            // start, run as a fiber, stop: the whole of main()
//   weft::start(); ...; weft::stop(); // or by hand; go() starts the default runtime by itself
//
// The runtime runs fibers on Ps (processors in Go's sense), each served by one thread at a time.
// Everything here may be called from any thread unless it says (fiber).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weft/clock.hpp"
#include "weft/detail/export.hpp"
#include "weft/detail/preempt.hpp"

namespace weft {

// Which system interface waits for descriptors.
enum class poller_kind : std::uint8_t { automatic, epoll, io_uring, kqueue };

struct options {
  // Number of Ps, 1 to 1024. 0: WEFT_PROCS, else the CPUs this process may use: its affinity mask
  // and its cgroup's CPU quota (v1 or v2, ancestors too, rounded up), at least 1.
  int procs = 0;

  // Bytes of address space per fiber stack, committed page by page as it is used. Rounded up to at
  // least 16 KiB and to whole pages; at most 1 GiB.
  std::size_t stack_size = std::size_t{256} * 1024;

  // A fiber that has run for this long is asked to let others run, which it does at its next call
  // into weft (checkpoint() is the cheapest). If it makes none for another millisecond, it loses
  // its P: it goes on on its thread, and the others on another one. At least 1 us; when that is
  // noticed depends on sysmon's pauses, of 10 ms at most: docs/scheduling.md.
  std::chrono::nanoseconds time_slice = std::chrono::milliseconds(10);

  // Where the kernel cannot guard a stack without a memory mapping each (Linux before 6.13), there
  // can be no more guarded stacks than half of vm.max_map_count. True: go on without guard pages
  // then; false: go() throws std::system_error.
  bool allow_unguarded_stacks = false;

  // More threads than this is a fatal error, as Go's SetMaxThreads. There is one for each P in use,
  // one for each fiber that blocks its thread or does not come back from a computation, and spare
  // ones that end when nobody has needed them for 5 s.
  std::size_t max_threads = 10'000;

  // For the network layer, which this version does not have yet: not used.
  poller_kind poller = poller_kind::automatic;

  // Whether to end the process, with status 2 and a report, when nothing can ever run again: every
  // fiber waits, no timer is armed, no fiber blocks its thread, and every plain thread that has
  // ever called weft waits in it without a deadline. While the process has other threads, which may
  // call weft at any time, that cannot be known, and nothing is reported; nor while anything has a
  // deadline. A signal handler or a thread still to be made that would have helped is not known
  // either: a program that waits for such turns this off.
  bool detect_deadlock = true;
};

// What a wait ends with when stop() unwinds the fiber or thread that waits. Not a std::exception,
// so that handlers for errors do not take it for one; catch (...) must rethrow it.
class unwind {
 public:
  const char* what() const noexcept { return "weft: the runtime is stopping"; }
};

// A number that no other fiber of the process has or had; 0: not a fiber.
using fiber_id = std::uint64_t;

// Starts the runtime. Blocks for the start of a thread or two. Throws std::logic_error if it runs
// already, std::invalid_argument for options (or WEFT_PROCS, WEFT_SCHEDTRACE) that make no sense,
// std::system_error or std::bad_alloc when the system refuses threads or memory: nothing runs then.
WEFT_API void start(options = {});

// Ends it: every parked fiber is unwound (its wait throws weft::unwind, its destructors run), a
// fiber that runs is unwound at its next wait, and so is a plain thread that waits in weft. Waits
// inside destructors that run during an unwinding, for mutexes and for joins go on for as long as
// they can end. Blocks until every fiber has ended and every thread of the runtime has been
// joined; all memory is returned. May be followed by start(). Nothing happens when it does not
// run. Throws std::logic_error when called from a fiber: it would wait for itself.
// If only fibers remain that wait in destructors for something that can no longer happen, the
// process ends with an error that says so.
// Everything that happened in fibers happens-before the return.
WEFT_API void stop();

// From start() until stop() has ended, so also while that unwinds fibers.
WEFT_API bool running() noexcept;

// While stop() is at work. For loops that never wait, since stop() ends waits only:
//   while (!weft::stopping()) { step(); weft::checkpoint(); }
// False again as soon as stop() has ended; no fiber sees that.
WEFT_API bool stopping() noexcept;

// The number of Ps; 0 when the runtime does not run.
WEFT_API int procs() noexcept;

// Changes it, while fibers run. Returns the previous number. 1 to 1024 or std::invalid_argument;
// std::logic_error if the runtime does not run. When lowered, a P goes out of use as soon as the
// fiber on it next enters the scheduler; its work goes to the others.
WEFT_API int set_procs(int n);

// (fiber) Yields if the time slice is used up; about a load when not. For loops that do not call
// into weft. On a plain thread: nothing. Keeps errno. Never throws: a loop that calls nothing else
// must look at stopping(), or stop() waits for it.
inline void checkpoint() noexcept {
  if (detail::preempt_wanted.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    detail::checkpoint_slow();
  }
}

// (fiber) From here on the fiber and its thread stay together, and no other fiber runs on that
// thread, until as many calls of unlock_os_thread(): for libraries that keep state in the thread
// (graphics contexts, some debuggers, setns). While the fiber waits, its P serves others on other
// threads; each of its waits costs a switch of threads, tens of microseconds. If it ends without
// unlocking, its thread ends, too. On a plain thread: nothing. unlock without lock: nothing.
WEFT_API void lock_os_thread();
WEFT_API void unlock_os_thread();

namespace this_fiber {

WEFT_API bool is_fiber() noexcept;

// 0 on a plain thread.
WEFT_API fiber_id get_id() noexcept;

// Lets the other runnable fibers of this P run first. On a plain thread: std::this_thread::yield.
// Not a wait: stop() does not end a loop that only yields, which must look at stopping() or
// something else that changes, or wait.
WEFT_API void yield() noexcept;

// Waits. Nothing at all when the time has passed. Ends with weft::unwind at stop().
WEFT_API void sleep_until(clock::time_point deadline);
WEFT_API void sleep_for(duration d);
template <class Clock, class Duration>
void sleep_until(std::chrono::time_point<Clock, Duration> deadline) {
  // Another clock may be set while we sleep: look again, as std::this_thread::sleep_until.
  for (auto now = Clock::now(); now < deadline; now = Clock::now()) {
    sleep_for(std::chrono::ceil<duration>(deadline - now));
  }
}

// (fiber) A name for dumps and errors; copied, the first 63 bytes. Nothing on a plain thread.
WEFT_API void set_name(std::string_view name);

// Bytes left on the fiber's stack; on a plain thread SIZE_MAX.
WEFT_API std::size_t stack_remaining() noexcept;

}  // namespace this_fiber
}  // namespace weft
