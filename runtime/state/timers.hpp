// Timers: a heap per P, cancelled lazily, moved later with a store.
//
// A timer_node is type-stable memory (embedded in a G or from the runtime's pool): heap entries
// are {when, node} pairs that may outlive the arming they were made for, and are recognised as
// stale when popped because node->key_ no longer equals entry.when. So
//   stop            is a store (plus a count that bounds the dead: past half, the heap is rebuilt),
//   moving it later is a store: the entry comes up at the old time, sees a later when, goes back,
//   moving it earlier pushes a second entry; the first one is then stale.
//
// Owner:      a timer_heap belongs to a P; any thread may push and run it under its lock.
// Lock order: heap lock, then a node's lock; arm() holds the node's and the heap's one by one.
// `fire` runs inside an entry, on whichever M came by, without any lock held: it may take object
// locks and ready fibers; it must not park and not run user code.
//
// Timers that are due together are marked as firing together, then fired one after the other. So
// who waits for a running fire() may be waiting for the others' too: it must hold no lock that any
// fire() takes.
// Tested by:  tests/unit/timers_test.cpp
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "weft/detail/lock.hpp"

namespace weft::detail {

struct P;
class timer_heap;

struct timer_node {
  using fire_fn = void (*)(timer_node*) noexcept;

  fire_fn fire = nullptr;
  void* arg = nullptr;

  // The rest is the timers' own, guarded by guard_.
  lock guard_;
  std::int64_t when_;                     // what the user asked for; `never`: not armed
  std::int64_t key_;                      // the time of its live heap entry; `never`: none
  timer_heap* home_ = nullptr;            // the heap with the live entry
  std::atomic<std::uint32_t> firing_{0};  // fire() is running
  timer_node* next_free_ = nullptr;
  timer_node() noexcept;
};

// Around the arming of a timer on a plain thread: a call from outside, which may start the runtime,
// for which it waits until a stop() has ended, and which at the end wakes P 0 if need be. Who arms
// with a lock held that fibers or stop() may go for makes one before it takes that, and lets it end
// afterwards. Nothing on a fiber, or if not `wanted`. Throws as go() does.
class arming_from_outside {
 public:
  explicit arming_from_outside(bool wanted);
  ~arming_from_outside();
  arming_from_outside(const arming_from_outside&) = delete;
  arming_from_outside& operator=(const arming_from_outside&) = delete;

 private:
  friend bool arm_timer(timer_node* t, std::int64_t when_ns, arming_from_outside* within);
  const bool outside_;
  bool first_ = false;  // the timer is P 0's earliest
};

// Arms `t` for `when_ns` (weft::clock), or moves it. True if it was armed before. On a plain
// thread the timer goes to some P of the running runtime. Does not wait for a running fire().
bool arm_timer(timer_node* t, std::int64_t when_ns, arming_from_outside* within = nullptr);

// Disarms. True: it was armed and will not fire. Not armed: false, and with `wait_for_fire` a
// fire() in progress on another thread has ended when this returns (not from inside fire(), nor
// with a lock held that any fire() takes).
bool stop_timer(timer_node* t, bool wait_for_fire) noexcept;

// A node from the pool, and back to it (stops it, waits for a running fire()).
// new_timer throws std::bad_alloc; both inside an entry or outside of one.
timer_node* new_timer(timer_node::fire_fn fire, void* arg);
void delete_timer(timer_node* t) noexcept;

// For a fire() that must run user code: starts a detached fiber. Inside an entry. False if no
// fiber could be made (out of memory).
bool spawn_from_runtime(void (*body)(void*), void* arg) noexcept;

}  // namespace weft::detail
