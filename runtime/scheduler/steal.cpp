// Stealing: the implementation of state/steal_watch.hpp, which says when it pays.
#include <new>

#include "runtime/scheduler/scheduler.hpp"
#include "runtime/state/steal_watch.hpp"

namespace weft::detail {

namespace {
constexpr std::int64_t shortest_look_ns = 1'000;
constexpr std::int64_t longest_look_ns = 100'000;
constexpr std::int64_t worth_moving_ns = 4'000;
constexpr std::int64_t next_stealable_after_ns = 20'000;
}  // namespace

G* take_runnext(P* victim, std::uint32_t dispatches) noexcept {
  if (!sched.borrower.try_acquire()) {
    return nullptr;
  }
  G* g = nullptr;
  M* const owner = victim->owner.load(std::memory_order_acquire);
  if (owner != nullptr && owner->asked.begin_borrow()) {
    // As in detacher::take(): what is seen between the look at the mark and the CAS holds still.
    if (order_marks() && !owner->asked.inside() &&
        owner->p.load(std::memory_order_relaxed) == victim &&
        victim->dispatches.load(std::memory_order_relaxed) == dispatches &&
        owner->asked.end_borrow()) {
      g = victim->queue.pop_next();
      owner->asked.give_back();
    } else {
      owner->asked.cancel_borrow();
    }
  }
  sched.borrower.release();
  return g;
}

bool steal_watch::make_samples() noexcept {
  if (samples_ == nullptr) {
    samples_.reset(new (std::nothrow) sample[max_procs]{});
  }
  return samples_ != nullptr;
}

// Would the owner, at its pace since the last look, take long to run what is queued?
bool steal_watch::worth_it(P* victim, sample& seen, std::uint32_t queued,
                           std::int64_t now) noexcept {
  const std::uint32_t dispatches = victim->dispatches.load(std::memory_order_relaxed);
  const std::int64_t elapsed = now - seen.time;
  if (seen.time == 0 || elapsed > longest_look_ns) {
    seen = {dispatches, now};
    return false;
  }
  if (elapsed < shortest_look_ns) {
    return false;
  }
  const std::uint32_t done = dispatches - seen.dispatches;
  return static_cast<std::int64_t>(queued) * elapsed >=
         worth_moving_ns * static_cast<std::int64_t>(done);
}

G* steal_watch::steal_next(P* victim, sample& seen, std::int64_t now) noexcept {
  if (victim->queue.next_empty()) {
    return nullptr;
  }
  const std::uint32_t dispatches = victim->dispatches.load(std::memory_order_relaxed);
  if (seen.time == 0 || dispatches != seen.dispatches || now - seen.time > longest_look_ns) {
    seen = {dispatches, now};
    watching_next_ = true;
  } else if (now - seen.time < next_stealable_after_ns) {
    watching_next_ = true;
  } else {
    return take_runnext(victim, dispatches);
  }
  return nullptr;
}

G* steal_watch::steal(M* m, P* p) noexcept {
  watching_next_ = false;
  if (!make_samples()) {
    return nullptr;
  }
  const auto made = static_cast<std::uint32_t>(sched.made_ps.load(std::memory_order_acquire));
  const std::uint32_t start = m->random.below(made);
  const std::int64_t now = monotonic_ns();
  for (std::uint32_t i = 0; i < made; ++i) {
    const std::uint32_t index = (start + i) % made;
    P* const victim = sched.p_at(static_cast<int>(index));
    if (victim == nullptr || victim == p || !victim->queue.stealable()) {
      continue;
    }
    sample& seen = samples_[index];
    const std::uint32_t queued = victim->queue.size();
    G* g = nullptr;
    if (queued == 0) {
      g = steal_next(victim, seen, now);
    } else if (worth_it(victim, seen, queued, now)) {
      g = victim->queue.steal_half(p->queue);
    }
    if (g != nullptr) {
      const std::uint32_t fibers = p->queue.size() + 1;  // its ring was empty
      p->counts.steals.add(1);
      p->counts.stolen_fibers.add(fibers);
      m->hauls.took(fibers, now);
      return g;
    }
  }
  return nullptr;
}

bool steal_watch::missed_work(const P* own) const noexcept {
  const int made = sched.made_ps.load(std::memory_order_acquire);
  for (int i = 0; i < made; ++i) {
    P* const p = sched.p_at(i);
    if (p == nullptr || p == own || !p->queue.stealable() || p->queue.size() == 0) {
      continue;
    }
    const sample* const seen =
        samples_ != nullptr ? &samples_[static_cast<std::size_t>(i)] : nullptr;
    const bool moving = seen != nullptr && seen->time != 0 &&
                        p->dispatches.load(std::memory_order_relaxed) != seen->dispatches;
    if (!moving) {
      return true;
    }
  }
  return false;
}

}  // namespace weft::detail
