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

// What a deal in a select came to; raised or returned once no lock and no entry is held.
struct verdict {
  deal result = deal::none;
  std::size_t index = select_result::none;
  bool sends = false;
  std::exception_ptr error;
};

select_result pronounce(verdict& v) {
  if (v.result == deal::none) {
    return {};
  }
  if (v.result == deal::failed) {
    std::rethrow_exception(std::move(v.error));
  }
  if (v.result == deal::closed && v.sends) {
    throw_closed_send();
  }
  return {v.index, v.result == deal::done};
}

bool looks_ready(const select_entry& e) noexcept {
  switch (e.op) {
    case select_op::recv:
      return e.core->may_recv();
    case select_op::send:
      return e.core->may_send();
    case select_op::none:
      break;
  }
  return false;
}

std::size_t mark_ready(select_entry* entries, std::size_t count) noexcept {
  std::size_t ready_cases = 0;
  for (std::size_t i = 0; i != count; ++i) {
    entries[i].marked = looks_ready(entries[i]);
    ready_cases += entries[i].marked;
  }
  return ready_cases;
}

// One of the `left` marked cases, each with the same probability; it loses its mark.
std::size_t draw(select_entry* entries, std::size_t left, M* m) noexcept {
  std::size_t skip = 0;
  if (left > 1) {
    const std::uint32_t random = m != nullptr ? m->random.next() : fast_random();
    skip = static_cast<std::size_t>((std::uint64_t{random} * left) >> 32);
  }
  std::size_t i = 0;
  while (!entries[i].marked || skip-- != 0) {
    ++i;
  }
  entries[i].marked = false;
  return i;
}

deal result_of(std::uint32_t tag) noexcept {
  return tag == dealt ? deal::done : tag == closed ? deal::closed : deal::failed;
}

// Under the channel's lock.
void try_case(select_entry& e, std::size_t index, wakes& wake, verdict& v) noexcept {
  v.sends = e.op == select_op::send;
  v.index = index;
  const auto attempt = v.sends ? e.core->deals->send : e.core->deals->recv;
  v.result = attempt(*e.core, e.value, wake, &v.error);
}

// The waiters of a select that has to wait, and the channels they are for.
class waiting_select {
 public:
  waiting_select(select_entry* entries, select_slot* slots, select_waiter** order,
                 std::size_t count) noexcept
      : entries_(entries), entry_count_(count) {
    state_.cancel = cancel;
    state_.order = order;
    for (std::size_t i = 0; i != count; ++i) {
      if (entries[i].op != select_op::none) {
        auto* const w = new (slots[i].memory) select_waiter;
        w->owner = &state_;
        w->core = entries[i].core;
        w->value = entries[i].value;
        w->index = i;
        w->sends = entries[i].op == select_op::send;
        order[state_.count++] = w;
      }
    }
    std::sort(order, order + state_.count, [](const select_waiter* a, const select_waiter* b) {
      return std::less<>()(a->core, b->core);
    });
  }
  waiting_select(const waiting_select&) = delete;
  waiting_select& operator=(const waiting_select&) = delete;
  ~waiting_select() {
    for (select_waiter* w : waiters()) {
      w->~select_waiter();
    }
  }

  bool empty() const noexcept { return state_.count == 0; }

  void lock_all() noexcept {
    const chan_core* last = nullptr;
    for (select_waiter* w : waiters()) {
      if (w->core != last) {
        last = w->core;
        w->core->guard.acquire();
      }
    }
  }

  void unlock_all() noexcept { unlock_all(&state_); }

  // Under all the locks: does one ready case if there is one.
  verdict look(M* m, wakes& wake) noexcept {
    std::size_t left = mark_ready(entries_, entry_count_);
    verdict v;
    while (left != 0 && v.result == deal::none) {
      const std::size_t i = draw(entries_, left--, m);
      try_case(entries_[i], i, wake, v);
    }
    return v;
  }

  // Under all the locks, which are released: parks until a case was done. `favoured` is the
  // channel where this select stands in front.
  wait_outcome wait(const wait_options& options, const chan_core* favoured) noexcept {
    G* const g = self();
    for (select_waiter* w : waiters()) {
      w->tag = in_select;
      w->g = g;
      w->guard = &w->core->guard;
      wait_queue& queue = w->sends ? w->core->senders : w->core->receivers;
      if (w->core == favoured) {
        queue.push_front(w);
      } else {
        queue.push_back(w);
      }
      set_flag(*w->core, w->sends ? chan_core::senders_wait : chan_core::receivers_wait);
    }
    state_.reopen();
    state_.winner = nullptr;
    state_.outcome = wait_outcome::woken;
    park(unlock_all, &state_, &state_, options);
    leave_queues();
    return state_.outcome;
  }

  select_waiter* winner() const noexcept { return state_.winner; }

 private:
  std::span<select_waiter*> waiters() const noexcept { return {state_.order, state_.count}; }

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
    select_waiter* const* const order = s.order;
    const std::size_t count = s.count;
    for (std::size_t i = 0; i != count; ++i) {
      chan_core* const c = order[i]->core;
      // A channel that stands in several cases is released once, and nothing is read after the
      // last release.
      if (i + 1 == count || order[i + 1]->core != c) {
        c->guard.release();
      }
    }
  }

  // The winner is off its queue already, and its channel was released before it was won.
  void leave_queues() noexcept {
    for (select_waiter* w : waiters()) {
      if (w != state_.winner) {
        w->core->guard.acquire();
        if (w->queue != nullptr) {
          w->queue->remove(w);
        }
        w->core->guard.release();
      }
    }
  }

  select_entry* const entries_;
  const std::size_t entry_count_;
  select_state state_;
};

}  // namespace

select_result select_poll(select_entry* entries, std::size_t count) {
  std::size_t left = mark_ready(entries, count);
  if (left == 0) {
    return {};
  }
  verdict v;
  wakes wake;
  M* const m = enter();
  while (left != 0 && v.result == deal::none) {
    const std::size_t i = draw(entries, left--, m);
    entries[i].core->guard.acquire();
    try_case(entries[i], i, wake, v);
    entries[i].core->guard.release();
  }
  ready_both(wake);
  leave_unmoved(m);
  return pronounce(v);
}

select_result select_wait(select_entry* entries, select_slot* slots, select_waiter** order,
                          std::size_t count, std::int64_t deadline) {
  waiting_select all(entries, slots, order, count);
  const wait_options options{
      .reason = all.empty() ? wait_reason::select_forever : wait_reason::select,
      .deadline = deadline};
  const chan_core* favoured = nullptr;
  for (;;) {
    M* const m = enter();
    all.lock_all();
    wakes wake;
    verdict v = all.look(m, wake);
    if (v.result != deal::none || deadline == select_at_once) {
      all.unlock_all();
      ready_both(wake);
      leave_unmoved(m);
      return pronounce(v);
    }
    if (refuse_wait(options)) {
      all.unlock_all();
      leave_unmoved(m);
      throw_unwind();
    }
    const wait_outcome outcome = all.wait(options, favoured);
    leave();
    if (outcome != wait_outcome::woken) {
      if (outcome == wait_outcome::unwound) {
        throw_unwind();
      }
      return {};
    }
    select_waiter& won = *all.winner();
    if (won.tag != retry) {
      v = {.result = result_of(won.tag),
           .index = won.index,
           .sends = won.sends,
           .error = std::move(won.error)};
      return pronounce(v);
    }
    favoured = won.core;
  }
}

}  // namespace weft::detail
