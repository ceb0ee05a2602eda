// The implementation of world.hpp.
//
// `at_rest`, under the scheduler lock, says that nobody leaves idle. A P gets there by its M, which
// finds at_rest in find_runnable() or in an answer to sysmon's request, or by sysmon, which takes
// it from an M that is not inside the runtime. It is sysmon that does this for a world_hold, since
// only one thread may detach Ms (marks.hpp).
//
//   turn   the holder adds 1 when it wants the world (odd) and 1 when it is done (release); sysmon
//          reads it (acquire). A count, so that the next holder's wish is not taken for this one's
//   all_held  a note: sysmon has done it
#include "runtime/scheduler/world.hpp"

#include <mutex>

#include "runtime/scheduler/detach.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

constinit std::mutex one_holder;
constinit std::atomic<std::uint32_t> turn{0};
constinit note all_held;

// Out of use for good: nobody is on the way with it any more. Under idle.guard.
bool retired_ps_are_free() noexcept {
  for (int i = sched.proc_count.load(); i < sched.made_ps.load(); ++i) {
    if (!sched.p_at(i)->retired) {
      return false;
    }
  }
  return true;
}

// Under idle.guard.
bool all_ps_idle() noexcept {
  return retired_ps_are_free() && sched.idle.idle_count.load() == sched.proc_count.load();
}

}  // namespace

bool nothing_moves() noexcept {
  return all_ps_idle() && sched.global.empty() && sched.idle.spinning.load() == 0 &&
         sched.outside_calls.load() == 0 && sched.detached.load() == 0;
}

namespace {

// Nothing moves: then no P may have a fiber that waits to run, unless no thread could be made for
// it. Under idle.guard.
void check_no_work_is_lost() noexcept {
  for (int i = 0; i < sched.made_ps.load(); ++i) {
    [[maybe_unused]] const P* const p = sched.p_at(i);
    WEFT_CHECK(p == nullptr || (p->queue.next_empty() && p->queue.ring_empty()) ||
               sched.said_no_threads.load(std::memory_order_relaxed));
  }
}

// An idle P that somebody must look after now, taken off the list. Under idle.guard.
P* take_p_with_work() noexcept {
  const bool any = !sched.global.empty();
  for (P* p = sched.idle.first(); p != nullptr; p = p->next_idle) {
    const bool alone = p->owner.load(std::memory_order_relaxed) == nullptr;
    if (any || !p->queue.next_empty() || !p->queue.ring_empty() || (alone && p->has_work())) {
      sched.idle.remove(p);
      return p;
    }
  }
  return nullptr;
}

// One round: asks every M that has a P, takes the Ps of those that are not inside. True if all Ps
// are idle.
bool gather_ps(detacher& taker) noexcept {
  const int made = sched.made_ps.load(std::memory_order_acquire);
  for (int i = 0; i < made; ++i) {
    P* const p = sched.p_at(i);
    if (p == nullptr || p->idle.load(std::memory_order_relaxed)) {
      continue;
    }
    if (M* const m = p->owner.load(std::memory_order_acquire); m != nullptr) {
      request_yield(m);
      if (!m->asked.inside()) {
        taker.add(p, m, detach_cause::world);
      }
    }
  }
  taker.run();
  sched.idle.guard.acquire();
  const bool all = all_ps_idle();
  sched.idle.guard.release();
  return all;
}

}  // namespace

bool hold_is_wanted() noexcept { return turn.load(std::memory_order_acquire) % 2 != 0; }

void hold_for_others() noexcept {
  const std::uint32_t this_turn = turn.load(std::memory_order_acquire);
  sched.idle.guard.acquire();
  sched.at_rest = true;
  sched.idle.guard.release();
  static detacher taker;
  constexpr std::int64_t look_again_ns = 20'000;
  while (!gather_ps(taker)) {
    sched.sysmon_sleep.wait_until(monotonic_ns() + look_again_ns);
  }
  all_held.wake();
  while (turn.load(std::memory_order_acquire) == this_turn) {
    sched.sysmon_sleep.wait();
  }
}

world_hold::world_hold() : held_(false) {
  if (sched.state.load(std::memory_order_acquire) == phase::forked) {
    return;  // who held it at the fork, if anybody did, does not exist here
  }
  one_holder.lock();
  if (sched.state.load(std::memory_order_acquire) != phase::running) {
    return;
  }
  held_ = true;
  turn.fetch_add(1, std::memory_order_release);
  nudge_sysmon();
  all_held.wait();
}

world_hold::~world_hold() {
  if (held_) {
    turn.fetch_add(1, std::memory_order_release);
    resume_world();
    nudge_sysmon();
    return;
  }
  if (sched.state.load(std::memory_order_acquire) != phase::forked) {
    one_holder.unlock();
  }
}

void rest_world() noexcept {
  constexpr std::int64_t look_again_ns = 1'000'000;
  for (;;) {
    one_holder.lock();
    sched.idle.guard.acquire();
    const bool at_rest = nothing_moves();
    sched.at_rest = at_rest;
    if (at_rest) {
      check_no_work_is_lost();
    }
    sched.idle.guard.release();
    if (at_rest) {
      return;
    }
    one_holder.unlock();
    sched.quiescent.wait_until(monotonic_ns() + look_again_ns);
  }
}

void resume_world() noexcept {
  for (;;) {
    sched.idle.guard.acquire();
    sched.at_rest = false;
    P* const p = take_p_with_work();
    M* const m = p != nullptr ? p->owner.load(std::memory_order_relaxed) : nullptr;
    sched.idle.guard.release();
    if (p == nullptr || !wake_p(p, m, false)) {
      break;
    }
  }
  one_holder.unlock();
  check_deadlock();
}

}  // namespace weft::detail
