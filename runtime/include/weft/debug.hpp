// Looking inside a running program: what every fiber is doing, which of them hang around, and what
// the scheduler has counted.
//
//   std::cout << weft::snapshot().fibers.waiting << '\n';
//   weft::dump(std::cerr);
//   weft::report_leaks(std::cerr, 10min);
//
// Backtraces are complete, with function, file and line, if weft was built with the headers of
// libunwind and elfutils (WEFT_BACKTRACE) and the libraries libunwind.so.8 and libdw.so.1 are found
// when the first one is made; else they hold what can be had without: see docs/debugging.md.
//
// Environment:
//   WEFT_DUMP=1         dump() to stderr when the process gets SIGQUIT; it goes on afterwards
//   WEFT_LEAKS=ms       report_leaks() of that age to stderr when stop() begins
//   WEFT_SCHEDTRACE=ms  a line to stderr at each such interval on what the Ps do; its form is in
//                       docs/debugging.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <vector>

#include "weft/clock.hpp"
#include "weft/detail/export.hpp"

namespace weft {

// Writes every fiber: id, name, state; of one that waits, for what kind of event and on which
// object (an address in it), since when (to about a millisecond; to about ten when much runs),
// where it was started, and its backtrace. Those with equal stacks are written together. Plain
// threads that wait in weft are listed, too. From fibers and plain threads. No fiber runs while the
// stacks are looked at, which takes about 20 us per fiber; names are looked up and text is written
// afterwards. If the runtime does not run it says so. Throws what `out` throws; without memory for
// it all the process ends.
WEFT_API void dump(std::ostream& out);

// The same for those fibers only that have waited for at least `min_age`, without plain threads.
// Nothing is written when there are none. Returns their number.
WEFT_API std::size_t report_leaks(std::ostream& out, duration min_age);

// What snapshot() returns. Two kinds of numbers:
//
//   levels  how many there are now (signed and std::size_t). 0 while the runtime does not run.
//   events  how many there have been since the process began (std::uint64_t), over all runs of the
//           runtime. They never go back; a rate is the difference of two snapshots.
//
// Each number is right by itself, but nothing is stopped to take them: while fibers run, numbers
// that belong together may have been read some microseconds apart (milliseconds, with a million
// fibers), so that, say, a fiber that changes its state meanwhile is counted twice or not at all.
// When nothing runs, all are exact, but where it says "about".
struct stats {
  // Fibers by state. `running` ones have a thread, also without a P. One that runs its child as a
  // call, in join(), counts as waiting. `ended`: not joined yet, and their handles still exist.
  struct fiber_states {
    std::size_t runnable = 0;
    std::size_t running = 0;
    std::size_t waiting = 0;
    std::size_t ended = 0;
  };
  fiber_states fibers;

  struct proc_counts {
    int total = 0;  // as procs()
    int idle = 0;   // have nothing to run
  };
  proc_counts procs;

  // Threads that run fibers; sysmon is not among them. A thread without a P that is neither spare
  // nor detached waits for the fiber that has locked it, or begins, or ends.
  struct thread_counts {
    int total = 0;
    int with_p = 0;           // also asleep, with an idle P
    int spinning = 0;         // look for work; about
    int spare = 0;            // asleep without a P, to be used again
    int detached = 0;         // run a fiber without a P, which was taken from them
    int hogs = 0;             // of those, the ones whose fiber had used up its slice
    std::uint64_t made = 0;   // events
    std::uint64_t ended = 0;  // events: before stop(), since nobody needed them
  };
  thread_counts threads;

  // Lengths, in fibers.
  struct queue_lengths {
    std::size_t global = 0;
    std::vector<std::size_t> of_procs;  // one for each P in use, runnext included
  };
  queue_lengths run_queues;

  // Events: how often a thread that had nothing to run took fibers from another P, and how many
  // fibers these were (about: it may be robbed in turn).
  struct steal_counts {
    std::uint64_t times = 0;
    std::uint64_t fibers = 0;
  };
  steal_counts steals;

  // Events: how often fibers have waited, by the reason that dumps give ("channel receive"). Every
  // reason is listed. A wait that ends before it begins does not count; neither do yields, and
  // waits of plain threads.
  struct park_count {
    std::string_view reason;  // a literal
    std::uint64_t times = 0;
  };
  std::vector<park_count> parks;

  // Events: Ps that were given to another thread since they had work when they were taken from
  // theirs.
  std::uint64_t hand_offs = 0;

  // Events: Ps that stayed idle for a while because their threads spun most of the time for locks
  // that other Ps' fibers held, or helped other Ps with fibers that cost less than to move them.
  std::uint64_t withdrawals = 0;

  // Events.
  struct preemption_counts {
    std::uint64_t asked_to_yield = 0;  // for its slice or a timer that is late, by sysmon

    // Ps taken from their threads, by reason. (Not those taken while a dump looks at all stacks.)
    std::uint64_t detached_for_slice = 0;      // did not answer
    std::uint64_t detached_in_declared = 0;    // blocking(f) lasted
    std::uint64_t detached_in_undeclared = 0;  // asleep in the kernel without having said so
    std::uint64_t detached_at_once = 0;        // blocking(hand_off_p::at_once, f)

    std::uint64_t kept_by_cap = 0;     // looks at which a hog kept its P: there were 256 already
    std::uint64_t returns_queued = 0;  // came back, and had to wait for a P
  };
  preemption_counts preemptions;

  // Timers that are armed: sleeps, deadlines, timers, tickers. About: stopped ones count until
  // their time, or until they are half of all.
  std::size_t timers = 0;

  // Stacks of fibers. `address_bytes` is address space, guard pages included; what of it takes
  // memory, only the kernel knows.
  struct stack_counts {
    std::size_t address_bytes = 0;
    std::size_t mapped = 0;  // of options.stack_size
    std::size_t free = 0;    // of those, the ones that no fiber and no P's cache has
  };
  stack_counts stacks;

  // Events: times that descriptors were looked at. There is no poller yet: 0.
  std::uint64_t polls = 0;
};

// The numbers of this moment. From fibers and plain threads, also while the runtime does not run.
// Stops nobody, and waits for nobody but a stop() that frees memory; looks at every fiber's record,
// which takes some nanoseconds for each that has ever lived at the same time as the others.
// In the child of a fork() the levels, parks and steals are 0. Throws std::bad_alloc.
WEFT_API stats snapshot();

}  // namespace weft
