// M: an operating system thread that runs fibers.
//
// The marks. Fibers may run code that never comes back to the runtime; sysmon must be able to ask
// for the P, and (preemption's second stage) to take it. Every runtime call that touches a P is
// bracketed by enter and leave, which cost two plain stores and a load:
//
//   ENTER  in_rt = 1 (relaxed); compiler fence; req == none? then the P is ours until LEAVE.
//          Otherwise answer_request(): a `yield` is taken (CAS to none) and obeyed at once: no
//          runtime lock is held here.
//   LEAVE  in_rt = 0 (release), on the M that runs the fiber now.
//
//   words    written by                            read by
//   in_rt    this M only, relaxed 1 / release 0    sysmon, acquire, after a membarrier
//   req      sysmon, set_procs: CAS none->yield    this M: relaxed in ENTER, CAS acq_rel to none
//            acq_rel
//   p        whoever gives or takes the P, under   sysmon, relaxed
//            the scheduler lock or by this M
//
// The fields below the marks belong to the thread itself. Ms are never freed while the runtime
// runs.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "runtime/fiber/context.hpp"
#include "runtime/machine/check.hpp"
#include "runtime/machine/note.hpp"
#include "runtime/machine/platform.hpp"
#include "runtime/machine/random.hpp"
#include "runtime/state/steal_watch.hpp"

namespace weft::detail {

struct G;
struct M;
struct P;

// What runs on the next stack once a fiber is off its own; m is the M it runs on.
using commit_on_m = void (*)(void* arg, M* m) noexcept;

enum class request : std::uint32_t { none, yield };

struct alignas(cache_line) M : switcher {
  std::atomic<std::uint32_t> in_rt{0};
  std::atomic<request> req{request::none};
  std::atomic<P*> p{nullptr};
  G* running = nullptr;  // null on g0

  // Runs on the next stack, once the fiber that parks is off its own.
  commit_on_m commit = nullptr;
  void* commit_arg = nullptr;

  bool spinning = false;
  bool exiting = false;        // set with the scheduler lock held
  bool ready_to_back = false;  // what timers make runnable goes to the queue's tail
  std::uint32_t spin_ns = 0;   // how long to look for work before sleeping; adapts
  random_source random;
  steal_watch steals;
  context g0;
  context last_context;  // what a fiber that ended left: never jumped to
  bool last_stack_is_single = false;
  alignas(cache_line) note sleep;
  M* next_spare = nullptr;
  M* next_of_all = nullptr;
  pthread_t thread{};
  int number = 0;

  // Returns the M that the caller runs on afterwards: it may have yielded and moved.
  M* enter() noexcept {
    WEFT_CHECK(in_rt.load(std::memory_order_relaxed) == 0);
    in_rt.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (req.load(std::memory_order_relaxed) != request::none) [[unlikely]] {
      return answer_request(this);
    }
    return this;
  }

  void leave() noexcept {
    WEFT_CHECK(in_rt.load(std::memory_order_relaxed) == 1);
    in_rt.store(0, std::memory_order_release);
  }

  // Defined by the scheduler.
  static M* answer_request(M* m) noexcept;
};

}  // namespace weft::detail
