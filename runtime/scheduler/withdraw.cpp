// Too many cooks: a P whose M spends its time spinning withdraws for a moment.
//
// Ps whose fibers want the same few locks all the time (a channel, a mutex) do less together than
// one of them alone: a lock that stays in one core's cache changes hands in some 10 ns, one that
// goes from core to core in 100, and who spins for it does nothing meanwhile. So an M that has spun
// for two fifths of the last 100 us gives its fibers to the global queue and sleeps, with its P,
// for 2 ms; unless no other P is busy. Whoever is left gets through more, on fewer cores.
//
// The same for an M that helps in vain: what it takes from the others does not keep it busy for as
// long as it takes to move it (haul_watch).
//
// Source: D. Dice, "Malthusian Locks", EuroSys 2017, which takes surplus threads from a lock; here
// it is surplus Ps, as a fiber that spins is as good as any other that does.
//
// A withdrawn P is idle (stop() and world_hold need not wait for it), but nobody wakes it for work,
// or it would be back at once. That adds 2 ms to the time for which a fiber may wait that nobody
// can run because the Ps that are left are each in one long stretch: no more than sysmon needs to
// see one that waits in a runnext.
//
// No work is left behind. The fibers are in the global queue before the scheduler lock is taken
// under which the P withdraws if another one is not idle. That other one, if it wants to go idle
// later, looks at the global queue under the same lock.
//
// Tested by: tests/model/idle_model.cpp, tests/unit/withdraw_test.cpp, withdraw_detached_test.cpp
#include <array>
#include <utility>

#include "runtime/machine/check.hpp"
#include "runtime/machine/spinning.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

std::atomic<std::int64_t> testing_withdrawal_ns{2'000'000};

namespace {

void give_away_queue(P* p) noexcept {
  std::array<G*, 64> batch;
  std::uint32_t count = 0;
  for (G* g = p->queue.pop_next(); g != nullptr || (g = p->queue.pop_front()) != nullptr;
       g = nullptr) {
    batch[count++] = g;
    if (count == batch.size()) {
      sched.global.push_batch(batch.data(), std::exchange(count, 0));
    }
  }
  sched.global.push_batch(batch.data(), count);
}

// One at a time: what is left has to be seen at work first. With idle.guard held, or as a hint.
bool may_go(P* p, std::int64_t now) noexcept {
  const int procs = sched.proc_count.load(std::memory_order_relaxed);
  return procs - sched.idle.idle_count.load(std::memory_order_relaxed) > 1 && p->index < procs &&
         now - sched.idle.last_withdrawal_ns.load(std::memory_order_relaxed) >=
             contention_watch::window_ns;
}

}  // namespace

void count_spinning(std::int64_t now_ns, std::int64_t ns) noexcept {
  M* const m = current_m();
  if (m != nullptr && m->contention.add(now_ns, ns) && m->running != nullptr &&
      sched.proc_count.load(std::memory_order_relaxed) -
              sched.idle.idle_count.load(std::memory_order_relaxed) >
          1) {
    m->withdraws = true;
    request_yield(m);
  }
}

bool helps_in_vain(M* m, P* p) noexcept {
  if (m->hauls.vain() < haul_watch::often) {
    return false;
  }
  m->hauls.forget();
  // Is there one that gets on with it, or are all stuck, and this M is the only one that runs what
  // waits there?
  const int made = sched.made_ps.load(std::memory_order_acquire);
  std::uint32_t others = 0;
  for (int i = 0; i < made; ++i) {
    if (P* const other = sched.p_at(i); other != nullptr && other != p) {
      others += other->dispatches.load(std::memory_order_relaxed);
    }
  }
  const std::uint32_t own = p->dispatches.load(std::memory_order_relaxed);
  const std::uint32_t by_others = others - std::exchange(m->others_seen, others);
  const std::uint32_t by_us = own - std::exchange(m->own_seen, own);
  return by_others >= by_us / 2;
}

std::int64_t withdraw(M* m, P* p) noexcept {
  // Who counts as spinning must not sleep: everybody would rely on it for good.
  WEFT_CHECK(!m->spinning);
  m->withdraws = false;
  const std::int64_t now = monotonic_ns();
  if (!may_go(p, now)) {
    return 0;
  }
  give_away_queue(p);
  p->records.give_surplus(sched.pool);
  idle_list& idle = sched.idle;
  idle.guard.acquire();
  const bool goes = may_go(p, now) && !m->exiting.load(std::memory_order_relaxed);
  if (goes) {
    idle.last_withdrawal_ns.store(now, std::memory_order_relaxed);
    idle.push_withdrawn(p);
  }
  idle.guard.release();
  if (!goes) {
    return 0;
  }
  full_fence();
  if (idle.willing.load(std::memory_order_relaxed) > 0 && !sched.global.empty()) {
    wake_helper();  // who is not in the way of the others
  }
  sched.counts.withdrawals.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t away = testing_withdrawal_ns.load(std::memory_order_relaxed);
  return away == never ? never : now + away;
}

}  // namespace weft::detail
