// P: the right to run fibers, and all that goes with it: a run queue, timers, caches.
//
// Whoever holds the P (its owner M, inside an entry) uses its unguarded fields freely. A P that is
// idle keeps its M: the two sleep together.
//
//   owner       under the scheduler lock, or by the M that holds the P; read by sysmon, relaxed
//   tick        owner, relaxed: counts slices begun. sysmon compares
//   dispatches  owner, relaxed: counts fibers run. Thieves compare
//   idle        written under the scheduler lock; sysmon reads it as a hint
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/fiber/stack.hpp"
#include "runtime/machine/platform.hpp"
#include "runtime/state/g_pool.hpp"
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

  void count_slice() noexcept {
    tick.store(tick.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  alignas(cache_line) timer_heap timers;

  alignas(cache_line) std::atomic<M*> owner{nullptr};
  std::atomic<bool> idle{false};
  P* next_idle = nullptr;
  P* prev_idle = nullptr;
};

}  // namespace weft::detail
