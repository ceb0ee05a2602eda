// snapshot(): what the scheduler counts, added up.
//
// Ps and Gs are freed by stop(). A fiber that asks keeps it from that; a plain thread holds
// sched.memory. What has locks of its own is read inside an entry, as everything that locks.
#include <algorithm>

#include "runtime/fiber/stack.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "weft/debug.hpp"

namespace weft {

namespace detail {

namespace {

constexpr std::size_t first_reason = static_cast<std::size_t>(wait_reason::none) + 1;

// Keeps Ps and Gs where they are.
class kept_memory {
 public:
  kept_memory() noexcept : locked_(current_m() == nullptr) {
    if (locked_) {
      sched.memory.acquire();
    }
  }
  ~kept_memory() {
    if (locked_) {
      sched.memory.release();
    }
  }
  kept_memory(const kept_memory&) = delete;
  kept_memory& operator=(const kept_memory&) = delete;

 private:
  const bool locked_;
};

void count_fiber(G* g, void* into) noexcept {
  auto& fibers = *static_cast<stats::fiber_states*>(into);
  switch (g->status.load(std::memory_order_relaxed)) {
    case g_status::idle:
      break;
    case g_status::runnable:
      ++fibers.runnable;
      break;
    case g_status::running:
      ++fibers.running;
      break;
    case g_status::waiting:
      ++fibers.waiting;
      break;
    case g_status::ended:
      ++fibers.ended;
      break;
  }
}

void add_events(stats& s, const p_counts& counts) noexcept {
  for (std::size_t i = 0; i < s.parks.size(); ++i) {
    s.parks[i].times += counts.parks[i + first_reason].value();
  }
  s.steals.times += counts.steals.value();
  s.steals.fibers += counts.stolen_fibers.value();
}

void look_at_p(stats& s, P& p) noexcept {
  add_events(s, p.counts);
  s.threads.with_p += p.owner.load(std::memory_order_relaxed) != nullptr ? 1 : 0;
  const auto index = static_cast<std::size_t>(p.index);
  if (index < s.run_queues.of_procs.size()) {
    s.run_queues.of_procs[index] = p.runnable();
  }
  const entry in(entry::scheduler_only{});
  s.timers += p.timers.size();
}

void look_at_ps(stats& s) noexcept {
  add_events(s, sched.former_ps);
  const int made = sched.made_ps.load(std::memory_order_acquire);
  for (int i = 0; i < made; ++i) {
    if (P* const p = sched.p_at(i); p != nullptr) {
      look_at_p(s, *p);
    }
  }
}

void look_at_scheduler(stats& s) noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  s.procs.total = sched.proc_count.load(relaxed);
  s.procs.idle = std::clamp(sched.idle.idle_count.load(relaxed), 0, s.procs.total);
  s.threads.total = sched.m_count.load(relaxed);
  s.threads.spinning = std::max(0, sched.idle.spinning.load(relaxed));
  s.threads.spare = sched.spare_count.load(relaxed);
  s.threads.detached = sched.detached.load(relaxed);
  s.threads.hogs = sched.hogs.load(relaxed);
  s.run_queues.global = sched.global.size();
}

void add_slow_events(stats& s) noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  const counters& c = sched.counts;
  s.threads.made = c.threads_made.load(relaxed);
  s.threads.ended = c.threads_ended.load(relaxed);
  s.hand_offs = c.hand_offs.load(relaxed);
  s.withdrawals = c.withdrawals.load(relaxed);
  s.preemptions = {.asked_to_yield = c.yields_asked.load(relaxed),
                   .detached_for_slice = c.detached_slice.load(relaxed),
                   .detached_in_declared = c.detached_declared.load(relaxed),
                   .detached_in_undeclared = c.detached_undeclared.load(relaxed),
                   .detached_at_once = c.detached_at_once.load(relaxed),
                   .kept_by_cap = c.kept_by_cap.load(relaxed),
                   .returns_queued = c.returns_queued.load(relaxed)};
}

void look_at_stacks(stats& s) noexcept {
  const entry in(entry::scheduler_only{});
  const stack_depot::counts depot = stack_depot::snapshot();
  s.stacks = {.address_bytes = depot.address_bytes, .mapped = depot.mapped, .free = depot.free};
}

}  // namespace

}  // namespace detail

stats snapshot() {
  using namespace detail;
  stats s;
  for (std::size_t i = first_reason; i < static_cast<std::size_t>(wait_reason::count_); ++i) {
    s.parks.push_back({.reason = to_string(static_cast<wait_reason>(i))});
  }
  add_slow_events(s);
  if (sched.state.load(std::memory_order_acquire) == phase::forked) {
    return s;  // who held a lock then will never release it
  }
  s.run_queues.of_procs.resize(
      static_cast<std::size_t>(sched.proc_count.load(std::memory_order_acquire)));
  const kept_memory kept;
  look_at_scheduler(s);
  look_at_ps(s);
  sched.pool.for_each(count_fiber, &s.fibers);
  look_at_stacks(s);
  return s;
}

}  // namespace weft
