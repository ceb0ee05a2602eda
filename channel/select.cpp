// Select: waiting for the first of several channel operations that can be done.
//
// Source: Go's runtime/select.go. The passes:
//
//   poll   Which cases look ready, without a lock? Among those choose one at random, lock its
//          channel and try. Repeat with the others. A deal made here is final: that one channel
//          was ready while it was locked is all that a select promises.
//   look   Lock all channels, in the order of their addresses, and look again: this is the one
//          moment at which "nothing is ready" is decided.
//   wait   Still under all the locks, put a waiter into the queue of each channel, then park;
//          the locks are released when the fiber is off its stack. Whoever wants to deal with one
//          of the waiters first wins the select by its claim word.
//   leave  Take the other waiters out, one channel at a time.
//
// "Uniformly random among the ready cases" holds in poll and look: each draws once from those it
// has found ready, and draws again only among the rest when the first was gone.
//
// A select never deals with itself: its own waiters are in queues only while it is parked.
// A woken select whose deal threw (tag `retry`) starts again, and goes to the head of the queue
// of the channel where that happened.
//
// Lifetime: the waiters and select_state stand on the frame of the caller. unlock_all runs after
// the fiber has left its stack and may be overtaken: as soon as one channel is released the select
// may be woken, and run. It cannot leave before it has locked every channel once more, so the frame
// stays until the last release, after which unlock_all does not touch it.
//
// Tested by: tests/unit/select_test.cpp, tests/stress/select_stress.cpp
#include <algorithm>
#include <exception>
#include <functional>
#include <new>
#include <span>

#include "channel/deal.hpp"
#include "channel/errors.hpp"
#include "channel/select_state.hpp"
#include "runtime/machine/check.hpp"
#include "runtime/machine/random.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "weft/detail/select_core.hpp"

namespace weft::detail {

namespace {

bool looks_ready(const select_slot& s) noexcept {
  switch (s.op) {
    case select_op::recv:
      return s.core->may_recv();
    case select_op::send:
      return s.core->may_send();
    case select_op::none:
      break;
  }
  return false;
}

std::size_t mark_ready(std::span<select_slot> slots) noexcept {
  std::size_t marked = 0;
  for (select_slot& s : slots) {
    s.marked = looks_ready(s);
    marked += s.marked;
  }
  return marked;
}

// One of the `left` marked cases, each with the same probability; it loses its mark.
select_slot& draw(std::span<select_slot> slots, std::size_t left, M* m) noexcept {
  std::size_t skip = 0;
  if (left > 1) {
    const std::uint64_t random = m != nullptr ? m->random.next() : fast_random();
    skip = static_cast<std::size_t>((random * left) >> 32);
  }
  select_slot* s = slots.data();
  while (!s->marked || skip-- != 0) {
    ++s;
  }
  s->marked = false;
  return *s;
}

// A deal, and what came of it: said or thrown once no lock and no entry is held.
struct attempt {
  deal result = deal::none;
  const select_slot* slot = nullptr;
  wakes wake;
  std::exception_ptr error;

  // Under the lock of the case's channel.
  void make(const select_slot& s) noexcept {
    slot = &s;
    const deal_functions& deals = *s.core->deals;
    result = (s.op == select_op::send ? deals.send : deals.recv)(*s.core, s.value, wake, &error);
  }

  void ready_others() const noexcept {
    if (wake.first != nullptr) {
      ready(wake.first);
    }
    ready_all(wake.rest);
  }

  select_result conclude(const select_slot* slots) {
    if (result == deal::failed) [[unlikely]] {
      std::rethrow_exception(std::move(error));
    }
    if (result == deal::closed && slot->op == select_op::send) [[unlikely]] {
      throw_closed_send();
    }
    return {static_cast<std::size_t>(slot - slots), result == deal::done};
  }
};

// The part of a select that takes several locks, and waits.
class waiting_select {
 public:
  waiting_select(std::span<select_slot> slots, chan_core** order) noexcept : slots_(slots) {
    state_.cancel = cancel;
    state_.order = order;
    bool sorted = true;  // the channels of a select were often made in this order
    for (const select_slot& s : slots) {
      if (s.op != select_op::none) {
        sorted = sorted && (state_.count == 0 || order[state_.count - 1] < s.core);
        order[state_.count++] = s.core;
      }
    }
    if (!sorted) {
      std::sort(order, order + state_.count, std::less<>());
      state_.count = static_cast<std::size_t>(std::unique(order, order + state_.count) - order);
    }
  }
  waiting_select(const waiting_select&) = delete;
  waiting_select& operator=(const waiting_select&) = delete;

  bool has_channels() const noexcept { return state_.count != 0; }

  void lock_all() noexcept {
    for (std::size_t i = 0; i != state_.count; ++i) {
      acquire_object(state_.order[i]->guard);
    }
  }

  void unlock_all() noexcept { unlock_all(&state_); }

  // Under all the locks: does one case if one is ready.
  attempt look(M* m) noexcept {
    attempt a;
    for (std::size_t left = mark_ready(slots_); left != 0 && a.result == deal::none; --left) {
      a.make(draw(slots_, left, m));
    }
    return a;
  }

  // Under all the locks, which are released: parks until a case was done. `favoured` is the
  // channel where this select stands in front.
  wait_outcome wait(const wait_options& options, const chan_core* favoured) noexcept {
    G* const g = self();
    for (select_slot& s : slots_) {
      if (s.op != select_op::none) {
        line_up(s, g, s.core == favoured);
      }
    }
    state_.reopen();
    state_.winner = nullptr;
    state_.outcome = wait_outcome::woken;
    park(unlock_all, &state_, &state_, options);
    leave_queues();
    return state_.outcome;
  }

  // After wait(): what the waker has made of the case that won.
  attempt won() noexcept {
    attempt a;
    // The waiters are as far apart as their slots.
    a.slot = &slots_[static_cast<std::size_t>(
                         reinterpret_cast<const std::byte*>(state_.winner) -
                         reinterpret_cast<const std::byte*>(&slots_.front().waiter)) /
                     sizeof(select_slot)];
    const std::uint32_t tag = state_.winner->tag;
    a.result = tag == dealt    ? deal::done
               : tag == closed ? deal::closed
               : tag == failed ? deal::failed
                               : deal::none;
    a.error = std::move(state_.error);
    return a;
  }

 private:
  // A deadline or stop() tries to win.
  static bool cancel(cancel_point* point, wait_outcome outcome) noexcept {
    auto& s = *static_cast<select_state*>(point);
    if (!s.claim()) {
      return false;
    }
    s.outcome = outcome;
    return true;
  }

  static void unlock_all(void* state) noexcept {
    const auto& s = *static_cast<const select_state*>(state);
    chan_core* const* const order = s.order;
    const std::size_t count = s.count;
    for (std::size_t i = 0; i != count; ++i) {
      order[i]->guard.release();  // nothing of the frame is read after the last one
    }
  }

  void line_up(select_slot& s, G* g, bool in_front) noexcept {
    auto* const w = new (&s.waiter) select_waiter;
    w->g = g;
    w->tag = in_select;
    w->value = s.value;
    w->owner = &state_;
    const bool sends = s.op == select_op::send;
    wait_queue& queue = sends ? s.core->senders : s.core->receivers;
    if (in_front) {
      queue.push_front(w);
    } else {
      queue.push_back(w);
    }
    set_flag(*s.core, sends ? chan_core::senders_wait : chan_core::receivers_wait);
  }

  // The winner is off its queue already, and its channel was released before it was won.
  void leave_queues() noexcept {
    for (select_slot& s : slots_) {
      if (s.op != select_op::none && &s.waiter != state_.winner) {
        acquire_object(s.core->guard);
        if (s.waiter.queue != nullptr) {
          s.waiter.queue->remove(&s.waiter);
        }
        s.core->guard.release();
      }
    }
  }

  const std::span<select_slot> slots_;
  select_state state_;
};

}  // namespace

select_result select_poll(select_slot* slots, std::size_t count) {
  const std::span<select_slot> all(slots, count);
  std::size_t left = mark_ready(all);
  if (left == 0) {
    return {};
  }
  attempt a;
  M* const m = enter();
  for (; left != 0 && a.result == deal::none; --left) {
    select_slot& s = draw(all, left, m);
    acquire_object(s.core->guard);
    a.make(s);
    s.core->guard.release();
  }
  a.ready_others();
  leave_unmoved(m);
  return a.result == deal::none ? select_result{} : a.conclude(slots);
}

select_result select_wait(select_slot* slots, chan_core** order, std::size_t count,
                          std::int64_t deadline) {
  waiting_select all({slots, count}, order);
  // Copied as a whole: built up field by field, the copy would stall on its own stores.
  static constexpr wait_options for_one{.reason = wait_reason::select};
  static constexpr wait_options for_ever{.reason = wait_reason::select_forever};
  wait_options options = all.has_channels() ? for_one : for_ever;
  options.deadline = deadline;
  const chan_core* favoured = nullptr;
  for (;;) {
    M* const m = enter();
    all.lock_all();
    attempt a = all.look(m);
    if (a.result != deal::none || deadline == select_at_once) {
      all.unlock_all();
      a.ready_others();
      leave_unmoved(m);
      return a.result == deal::none ? select_result{} : a.conclude(slots);
    }
    if (refuse_wait(options)) {
      all.unlock_all();
      leave_unmoved(m);
      throw_unwind();
    }
    const wait_outcome outcome = all.wait(options, favoured);
    leave();
    if (outcome == wait_outcome::unwound) {
      throw_unwind();
    }
    if (outcome == wait_outcome::timed_out) {
      return {};
    }
    a = all.won();
    if (a.result != deal::none) {
      return a.conclude(slots);
    }
    favoured = a.slot->core;  // the deal came to nothing
  }
}

}  // namespace weft::detail
