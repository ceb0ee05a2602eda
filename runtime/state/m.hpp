// M: an operating system thread that runs fibers.
//
// An M runs fibers while it has a P. It sleeps with its P on the idle list, or without one on the
// spare list; or it is detached: sysmon has taken its P away, and its fiber goes on without one
// until it next enters the runtime. marks.hpp has the protocol.
//
//   word        written by                              read by
//   p           by this M inside an entry, or under     sysmon, relaxed
//               the scheduler lock while it sleeps
//   blocking    this M, relaxed: what its P's           sysmon, relaxed: still in the same call
//               dispatches were when blocking() began   if the P has dispatched nobody since
//   hog         sysmon, before it tries to detach the   this M, when it comes back after that
//               M: whether it has used up its slice;    has succeeded: relaxed
//               relaxed
//   thread_id   this M's thread, relaxed                sysmon
//
// The other fields belong to the thread itself, or are guarded by the scheduler lock where they
// say so. Ms are never freed while the runtime runs.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "runtime/fiber/context.hpp"
#include "runtime/machine/check.hpp"
#include "runtime/machine/note.hpp"
#include "runtime/machine/platform.hpp"
#include "runtime/machine/random.hpp"
#include "runtime/state/contention.hpp"
#include "runtime/state/marks.hpp"
#include "runtime/state/steal_watch.hpp"

namespace weft::detail {

struct G;
struct M;
struct P;

// What runs on the next stack once a fiber is off its own; m is the M it runs on.
using commit_on_m = void (*)(void* arg, M* m) noexcept;

struct alignas(cache_line) M : switcher {
  marks asked;
  std::atomic<P*> p{nullptr};
  std::atomic<std::uint64_t> blocking{0};  // 0: not inside blocking(); see blocking_mark()
  G* running = nullptr;                    // null on g0
  G* locked = nullptr;  // the fiber that keeps this thread to itself; see lock_thread.cpp

  // Runs on the next stack, once the fiber that parks is off its own.
  commit_on_m commit = nullptr;
  void* commit_arg = nullptr;

  bool unusual = false;  // watched, or locked: who leaves looks closer
  bool spinning = false;
  bool watched = false;              // scheduler::on_switch is set
  bool gave_up = false;              // its P, by itself: hog says nothing
  std::atomic<bool> exiting{false};  // set with the scheduler lock held; a hint without: relaxed
  bool spare = false;                // on the spare list; under the scheduler lock
  bool ends = false;                 // taken off it to end; under the scheduler lock
  bool tainted = false;              // a fiber ended that had locked the thread: it ends, too
  bool ready_to_back = false;        // what timers make runnable goes to the queue's tail
  bool withdraws = false;            // see withdraw.hpp
  std::uint32_t spin_ns = 0;         // how long to look for work before sleeping; adapts
  random_source random;
  steal_watch steals;
  contention_watch contention;
  haul_watch hauls;
  std::uint32_t others_seen = 0;  // dispatches: see helps_in_vain()
  std::uint32_t own_seen = 0;
  context g0;
  context last_context;  // what a fiber that ended left: never jumped to
  bool last_stack_is_single = false;
  alignas(cache_line) note sleep;
  M* next_spare = nullptr;
  std::int64_t spare_since = 0;
  M* next_of_all = nullptr;
  pthread_t thread{};
  int number = 0;
  std::atomic<bool> hog{false};
  std::atomic<int> thread_id{0};  // the kernel's; 0: not running yet
  G* handed = nullptr;            // its locked fiber, for it to run; under the scheduler lock
  G* returned = nullptr;          // picked here, but not to run here: for g0 to put back
  G* unplaced = nullptr;          // picked here, but has no stack: for g0 to run
  G* diverted = nullptr;          // another M's locked fiber that was picked here: on g0

  // Returns the M that the caller runs on afterwards: it may have yielded and moved.
  M* enter() noexcept {
    if (!asked.enter()) [[unlikely]] {
      return answer_request(this);
    }
    return this;
  }

  void leave() noexcept { asked.leave(); }

  // What `blocking` is while a call goes on that began when the P had made so many dispatches.
  static std::uint64_t blocking_mark(std::uint32_t dispatches) noexcept {
    return std::uint64_t{dispatches} << 1 | 1;
  }

  // Defined by the scheduler.
  static M* answer_request(M* m) noexcept;
};

}  // namespace weft::detail
