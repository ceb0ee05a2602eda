// Parking and readying: what channel/ and sync/ stand on.
//
// The pattern of every blocking operation:
//
//   entry in;                       // the P is ours until the end of the scope
//   guard_.acquire();
//   if (can go on) { ...; guard_.release(); return; }
//   waiter w;
//   switch (wait(queue_, guard_, w, {.reason = wait_reason::mutex})) {   // releases guard_
//     case wait_outcome::woken: ...        // the waker did the deal for us
//     case wait_outcome::timed_out: ...    // w is off the queue
//     case wait_outcome::unwound: repair; in.leave(); throw_unwind();
//   }
//
// and of every waking one:
//
//   entry in;
//   guard_.acquire();
//   waiter* w = queue_.pop_front();
//   G* g = w ? w->g : nullptr;      // before the lock goes: see wait_queue.hpp
//   guard_.release();
//   if (g) ready(g);                // never under the lock
//
// The same code serves plain threads: `entry` does nothing there, and the G is the thread's
// stand-in, which waits on a note. No user code (callbacks, destructors, allocators) may run
// inside an entry, and entries do not nest. After wait() the thread may be another one.
#pragma once

#include <cstdint>
#include <limits>

#include "runtime/state/entry.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"
#include "weft/detail/wait_reason.hpp"

namespace weft::detail {

// A point of weft::clock in nanoseconds; `never` for none.
inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

struct wait_options {
  wait_reason reason = wait_reason::none;
  std::int64_t deadline = never;
  // stop() lets such a wait go on as long as anything else can still make progress: for waits that
  // end by themselves when their owners unwind (a mutex, a join).
  bool patient = false;
  bool front = false;  // to the head of the queue
};

// Puts `w` into `queue` and parks the caller; `guard` is held on entry, released once the caller
// is off its stack, and not held on return. Fills in w.g, w.guard, w.outcome. When the runtime is
// stopping, or the deadline has passed, it returns at once, `w` in no queue, `guard` released.
wait_outcome wait(wait_queue& queue, lock& guard, waiter& w, wait_options options) noexcept;

// wait() for a wait that nothing but its waker and stop() end, and then leave(), for who has not
// parked since his enter() returned m, with a waiter as it is constructed: what channels spend
// their time in. There is no entry afterwards.
wait_outcome wait_and_leave(M* m, wait_queue& queue, lock& guard, waiter& w,
                            wait_reason reason) noexcept;

// The general form: parks the caller; `commit(arg)` runs when it is off its stack, and is what
// lets others see the wait. `point` is what a deadline or stop() cancels; null: neither can.
// The caller must have checked refuse_wait() first.
using commit_fn = void (*)(void* arg) noexcept;
void park(commit_fn commit, void* arg, cancel_point* point, wait_options options) noexcept;

// The cancel of a waiter that stands in one queue: its object's lock decides who wins. Who parks
// with a commit of its own sets w.cancel, w.guard, and w.contested unless only stop() can end it.
bool cancel_waiter(cancel_point* point, wait_outcome outcome) noexcept;

// True if a wait that begins now must not: the runtime is stopping, this wait could be unwound
// and the caller is not already unwinding. Then repair, leave and throw_unwind().
bool refuse_wait(const wait_options& options) noexcept;

// Makes the parked G runnable. Inside an entry (or on a plain thread). Never under an object's
// lock. Synchronizes with the return of the wait.
void ready(G* g) noexcept;
// The same for who has not parked since his enter() returned m.
void ready(M* m, G* g) noexcept;

// The calling fiber, or the stand-in of the calling plain thread. Inside an entry on a fiber.
G* self() noexcept;

// Throws weft::unwind. Not inside an entry.
[[noreturn]] void throw_unwind();

// The P's number the caller runs on, for per-P caches: only a hint as soon as the entry ends.
// -1 on a plain thread.
int current_p_index() noexcept;

// Gives up the processor to other runnable fibers, the caller to the tail of the local queue.
// Inside an entry. On a plain thread: sched_yield.
void yield() noexcept;

// Nanoseconds of weft::clock.
std::int64_t now_ns() noexcept;

}  // namespace weft::detail
