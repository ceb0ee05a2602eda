// What all of the scheduler shares: its one object, and what it knows of Ps, Ms and Gs.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "runtime/machine/note.hpp"
#include "runtime/machine/platform.hpp"
#include "runtime/state/counters.hpp"
#include "runtime/state/g.hpp"
#include "runtime/state/g_pool.hpp"
#include "runtime/state/global_queue.hpp"
#include "runtime/state/idle.hpp"
#include "runtime/state/m.hpp"
#include "runtime/state/p.hpp"
#include "runtime/state/p_counts.hpp"
#include "weft/detail/lock.hpp"
#include "weft/runtime.hpp"

namespace weft::detail {

inline constexpr int max_procs = 1024;

// Slices of the kernel's scheduler. A thread with a P that wakes up shall run before those that
// only compute on without one.
inline constexpr std::int64_t kernel_slice_with_p_ns = 300'000;
inline constexpr std::int64_t kernel_slice_detached_ns = 20'000'000;

// forked: the child of a fork that had the runtime running; nothing works there but exec.
enum class phase : std::uint8_t { stopped, running, stopping, forked };

struct scheduler {
  idle_list idle;
  global_queue global;
  g_pool pool{global};
  std::array<std::atomic<P*>, max_procs> all_ps{};  // made on demand, freed at stop
  std::atomic<int> proc_count{0};                   // Ps in use; those above retire
  std::atomic<int> made_ps{0};
  std::atomic<phase> state{phase::stopped};
  std::atomic<int> outside_calls{0};  // plain threads inside calls that touch the fields above
  std::atomic<int> detached{0};       // Ms that run a fiber without a P
  std::atomic<int> hogs{0};           // of those, the ones that were over their slice
  bool may_spin = false;              // more than one processor to run on
  bool membarrier = true;             // the kernel has it

  // Called with a fiber that is about to leave its thread; null: nobody wants to know. Set before
  // there are Ms.
  void (*on_switch)(const G* g) noexcept = nullptr;

  // Under idle.guard.
  M* spare_ms = nullptr;             // Ms without a P
  M* all_ms = nullptr;               // with a thread
  M* unused_ms = nullptr;            // without one
  M* ended_m = nullptr;              // whose thread is ending
  int m_number = 0;                  // the last given
  std::atomic<int> m_count{0};       // of all_ms; read as a hint
  std::atomic<int> spare_count{0};   // of spare_ms; read as a hint
  std::atomic<bool> at_rest{false};  // nobody leaves idle: stop(), or a world_hold; read as a hint

  // Held by who looks at Ps and Gs from a plain thread, and while stop() frees them.
  lock memory;
  p_counts former_ps;  // the counts of Ps that are gone; under `memory`

  lock borrower;  // held by a thief that borrows a P; see marks.hpp

  lock scan;  // held by stop() while it goes for the locks of what fibers wait for

  std::atomic<bool> said_no_threads{false};

  // weft::clock to about a millisecond, for ages in reports: sysmon writes it in each pass, and who
  // wakes sysmon from its deep sleep, in which no fiber runs. Relaxed.
  alignas(cache_line) std::atomic<std::int64_t> coarse_now{0};

  alignas(cache_line) note quiescent;  // stop() waits here for all Ps to be idle
  note sysmon_sleep;
  std::atomic<int> sysmon_thread_id{0};
  std::atomic<bool> sysmon_deep{false};  // sysmon sleeps without a timeout
  std::atomic<bool> sysmon_slow{false};  // sysmon's pause is longer than a declared call may wait
  counters counts;
  options settings;
  std::int64_t trace_interval_ns = 0;  // WEFT_SCHEDTRACE; 0: no traces

  P* p_at(int i) const noexcept {
    return all_ps[static_cast<std::size_t>(i)].load(std::memory_order_acquire);
  }
};

extern scheduler sched;

}  // namespace weft::detail
