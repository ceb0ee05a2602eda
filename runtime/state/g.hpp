// G: a fiber, or the stand-in of a plain thread that calls into weft.
//
// Life of a fiber's G:   idle -> runnable -> running <-> waiting, runnable -> ended, idle
// Memory: type-stable. Gs come in slabs that live until stop(), so a waker that is late, a timer
// entry that is stale or a dump that walks all Gs never touches freed memory.
//
// A fiber's G holds a stack reservation from its birth (stack.hpp), its stack only while it runs.
// The first two cache lines are all that spawning, stealing and starting a fiber touch.
//
// Fields    written by                                     read by
//   status  whoever owns the transition: the spawner, the  dump and stop(), relaxed or with the
//           M that runs it, the waker (one only)           world at rest
//   join_   see runtime/scheduler/spawn.cpp
//   point   the waiting G before it parks                  its timer, stop() (world at rest);
//                                                          stand-ins: under scan_guard
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
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

struct fiber_locals;

struct alignas(cache_line) G {
  // Touched by every spawn, start and switch.
  entry_fn body = nullptr;
  std::uint64_t id = 0;
  stack* bound = nullptr;  // null: not started yet, or ended
  context ctx;             // 24 bytes without sanitizers
  std::atomic<g_status> status{g_status::idle};
  wait_reason reason = wait_reason::none;
  bool is_thread = false;
  bool own_stack_size = false;  // `bound` is a single of its own size, not from the caches
  bool joinable = false;
  bool patient = false;
  bool unwinding = false;        // stop() has ended a wait of it
  bool ending = false;           // its body is over, its fiber-local values are being destroyed
  bool foreign_closure = false;  // ... that is not ours to free
  bool heap_closure = false;     // inline_closure holds a pointer to it

  alignas(cache_line) std::byte inline_closure[inline_closure_size];

  // Touched by waits, joins and the rest.
  cancel_point* point = nullptr;
  wait_outcome outcome = wait_outcome::woken;
  std::atomic<std::uintptr_t> join_{0};
  timer_node timer;
  fiber_locals* locals = nullptr;
  std::string* name = nullptr;
  std::uint32_t swallowed_unwinds = 0;
  std::uint32_t closure_align = 0;
  lock scan_guard;

  // Stand-ins only.
  note sleep;
  G* next = nullptr;
  G* prev = nullptr;

  void* closure() noexcept {
    return heap_closure ? *reinterpret_cast<void**>(inline_closure) : inline_closure;
  }

  bool started() const noexcept { return bound != nullptr && ctx.fctx != nullptr; }
};

}  // namespace weft::detail
