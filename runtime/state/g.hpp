// G: a fiber, or the stand-in of a plain thread that calls into weft.
//
// Life of a fiber's G:   idle -> runnable -> running <-> waiting, runnable -> ended, idle
// Memory: type-stable. Gs come in slabs that live until stop(), so a waker that is late, a timer
// entry that is stale or a dump that walks all Gs never touches freed memory.
//
// A fiber's G holds a stack reservation from its birth (stack.hpp), its stack only while it runs.
// The first cache line is all that spawning, stealing and starting a fiber with a closure of up
// to 8 bytes touch; larger ones use the second.
//
// Fields    written by                                     read by
//   status  whoever owns the transition: the spawner, the  dump and stop(), relaxed or with the
//           M that runs it, the waker (one only)           world at rest
//   join_   see runtime/scheduler/spawn.cpp
//   name    set_name(), the end of the fiber: inside an     dumps: under scan_guard
//           entry and under scan_guard
//   bits    spawner, owner; while it runs: itself, inside   dumps
//           an entry
//   point   the waiting G before it parks                  its timer, stop() (world at rest);
//                                                          stand-ins: under scan_guard
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "runtime/fiber/context.hpp"
#include "runtime/fiber/stack.hpp"
#include "runtime/machine/note.hpp"
#include "runtime/state/timers.hpp"
#include "weft/detail/fiber_record.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"
#include "weft/detail/wait_reason.hpp"

namespace weft::detail {

// ended: a spawned fiber that its handle has not let go of.
enum class g_status : std::uint8_t { idle, runnable, running, waiting, ended };

// Where a fiber's closure is. near: from G::near on, into what follows. heap, borrowed: G::near
// holds a pointer to it; a borrowed one is not ours to free.
enum class closure_place : std::uint8_t { near, aligned, heap, borrowed };

struct fiber_locals;
struct M;

struct alignas(cache_line) G {
  // Touched by every spawn, start and switch.
  entry_fn body = nullptr;
  std::uint64_t id = 0;
  stack* bound = nullptr;  // null: not started yet, or ended
  context ctx;             // 24 bytes without sanitizers
  std::atomic<g_status> status{g_status::idle};
  wait_reason reason = wait_reason::none;
  bool is_thread : 1 = false;
  bool own_stack_size : 1 = false;  // `bound` is a single of its own size, not from the caches
  bool joinable : 1 = false;
  bool ending : 1 = false;      // its body is over, its fiber-local values are being destroyed
  bool no_preempt : 1 = false;  // fiber_options.preempt
  bool has_more : 1 = false;    // locals, name or swallowed_unwinds are set
  closure_place place = closure_place::near;
  std::uint32_t started_at = 0;  // where go() or spawn() was called: see set_start_site()

  // The closure. A small one shares the first cache line with the rest of what a start needs.
  alignas(void*) std::byte near[8];
  alignas(16) std::byte aligned[inline_closure_size];

  // Touched by waits, joins and the rest. The timer has a cache line of its own.
  alignas(cache_line) timer_node timer;
  cancel_point* point = nullptr;
  std::int64_t waiting_since = 0;  // by the coarse clock
  bool patient = false;            // wait_options::patient of its wait
  wait_outcome outcome = wait_outcome::woken;
  std::atomic<std::uintptr_t> join_{0};
  fiber_locals* locals = nullptr;
  std::string* name = nullptr;
  std::uint32_t swallowed_unwinds = 0;
  std::uint32_t closure_align = 0;
  lock scan_guard;

  // A fiber that has locked its thread: that M, and, while it is off it, its context. ctx.fctx is
  // null then, so that whoever picks it looks here; see lock_thread.cpp.
  M* home = nullptr;
  boost::context::detail::fcontext_t home_fctx = nullptr;
  std::uint32_t thread_locks = 0;

  // Stand-ins only.
  bool counted_asleep = false;  // see deadlock.cpp
  int kernel_thread_id = 0;
  note sleep;
  G* next = nullptr;
  G* prev = nullptr;

  void* closure() noexcept {
    switch (place) {
      case closure_place::near:
        return near;
      case closure_place::aligned:
        return aligned;
      case closure_place::heap:
      case closure_place::borrowed:
        break;
    }
    void* elsewhere;
    std::memcpy(&elsewhere, near, sizeof elsewhere);
    return elsewhere;
  }

  // The return address of the function that makes the fiber; its lower half, which is all that has
  // room in the first cache line. No two places of a program share it unless its code is spread
  // over 4 GiB: see report/start_site.hpp.
  void set_start_site(const void* return_address) noexcept {
    started_at = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(return_address));
  }

  // Where a fiber goes on that has started and is off its stack.
  boost::context::detail::fcontext_t parked_at() const noexcept {
    return ctx.fctx != nullptr ? ctx.fctx : home_fctx;
  }

  bool started() const noexcept {
    return bound != nullptr && (ctx.fctx != nullptr || home != nullptr);
  }
};

#if !defined(WEFT_SANITIZE_ADDRESS) && !defined(WEFT_SANITIZE_THREAD)
static_assert(sizeof(context) != 24 || offsetof(G, aligned) == cache_line,
              "what starting a fiber with a small closure touches is one cache line");
#endif

}  // namespace weft::detail
