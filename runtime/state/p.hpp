// P: the right to run fibers, and all that goes with it: a run queue, timers, caches.
//
// Whoever holds the P (its owner M, inside an entry) uses its unguarded fields freely. A P that its
// M leaves idle keeps it: the two sleep together. One that was taken from its M is idle alone.
//
//   owner       under the scheduler lock; read by sysmon, acquire. Null: idle without an M, out of
//               use, or on its way from one M to another
//   retired     under the scheduler lock: out of use (set_procs), or not in use yet
//   tick        owner, relaxed: counts slices begun. sysmon compares
//   dispatches  owner, relaxed: counts fibers run. Thieves compare
//   idle        written under the scheduler lock; sysmon reads it as a hint
//   short_slice the M that got a hog back: the tick of its slice, which is a short one; sysmon
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "runtime/fiber/stack.hpp"
#include "runtime/machine/platform.hpp"
#include "runtime/state/g_pool.hpp"
#include "runtime/state/p_counts.hpp"
#include "runtime/state/run_queue.hpp"
#include "runtime/state/timer_heap.hpp"

namespace weft::detail {

struct M;

struct alignas(cache_line) P {
  run_queue queue;

  alignas(cache_line) std::atomic<std::uint32_t> tick{0};
  std::atomic<std::uint32_t> dispatches{0};
  std::uint32_t look_at = 61;  // the dispatch at which to look at the timers and the global queue
  stack_cache stacks;
  g_cache records;
  int index = 0;

  // Announcements still to be kept quiet, how many it was last time, and the count of fruitless
  // wake-ups then; see announce(). sysmon writes 0 when work got stuck: relaxed.
  std::atomic<std::uint32_t> quiet{0};
  std::uint32_t quiet_after_wake = 0;
  std::uint32_t fruitless_seen = 0;

  // Whether an M must look after it. Only for who has the P to himself.
  bool has_work() const noexcept {
    return !queue.next_empty() || !queue.ring_empty() || timers.next() != timer_heap::no_time;
  }

  // How many fibers are queued here. Anyone, a snapshot.
  std::uint32_t runnable() const noexcept { return queue.size() + (queue.next_empty() ? 0 : 1); }

  void count_slice() noexcept {
    tick.store(tick.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  alignas(cache_line) p_counts counts;

  alignas(cache_line) timer_heap timers;

  // Owner, relaxed. Until then it need not wake up for a timer: see run_due_timers(). Atomic
  // because an M that has just lost the P may still look when to wake up.
  std::atomic<std::int64_t> rest_until{0};
  std::int64_t next_wake_up() const noexcept {
    return std::max(timers.next(), rest_until.load(std::memory_order_relaxed));
  }

  alignas(cache_line) std::atomic<M*> owner{nullptr};
  std::atomic<bool> idle{false};
  bool retired = true;
  bool withdrawn = false;  // with the scheduler lock held
  std::atomic<std::uint32_t> short_slice{~0U};
  P* next_idle = nullptr;
  P* prev_idle = nullptr;
};

}  // namespace weft::detail
