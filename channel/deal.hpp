// What happens to a channel while it is locked: the deals between senders and receivers.
//
// Source: Go's runtime/chan.go (chansend, chanrecv), without the blocking. The functions keep the
// invariants of "weft/detail/chan_core.hpp"; the caller holds the channel's guard, inside an entry,
// and after releasing it readies those in `wakes`.
//
// When moving an element throws (only Slot == throwing):
//   - a new value into the ring or to a waiting receiver: the sender that called gets the
//     exception; the receiver goes back to the head of the line;
//   - out of the ring, or from a waiting sender: the receiver that called gets it; the value stays
//     where it is, the sender goes back to the head of the line;
//   - a waiting sender's value into the slot that a receive has freed: the waiting sender gets it,
//     and the next in line has its turn.
// A select cannot go back: its other channels know it as won. It is woken to begin again.
#pragma once

#include <cstdint>
#include <cstring>
#include <exception>
#include <utility>

#include "channel/select_state.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "weft/detail/chan_core.hpp"
#include "weft/detail/chan_waiter.hpp"
#include "weft/detail/element.hpp"

namespace weft::detail {

enum class deal : std::uint8_t {
  none,    // it would have to wait
  done,    // value transferred
  closed,  // send: to be refused; recv: drained
  failed,  // moving the value threw
};

// Who must be readied once the lock is released.
struct wakes {
  G* first = nullptr;
  waiter* rest = nullptr;  // linked by `next`
};

struct deal_functions {
  deal (*send)(chan_core&, void* value, wakes&, std::exception_ptr* error) noexcept;
  deal (*recv)(chan_core&, void* to, wakes&, std::exception_ptr* error) noexcept;
};

// The deals of a channel whose elements travel as `kind` says.
const deal_functions* deals_for(slot_class kind) noexcept;

// leave() for who has not parked since enter() returned m.
inline void leave_unmoved(M* m) noexcept {
  if (m != nullptr) [[likely]] {
    m->leave();
  }
}

inline void ready_all(waiter* w) noexcept {
  while (w != nullptr) {
    waiter* const next = w->next;  // the frame of w may be gone once it is ready
    ready(w->g);
    w = next;
  }
}

inline void set_flag(chan_core& c, std::uint32_t bit) noexcept {
  c.flags.store(c.flags.load(std::memory_order_relaxed) | bit, std::memory_order_release);
}

inline void clear_flag(chan_core& c, std::uint32_t bit) noexcept {
  c.flags.store(c.flags.load(std::memory_order_relaxed) & ~bit, std::memory_order_release);
}

// The first in line that can still be dealt with, off the queue and won for the caller. Undecided:
// unless it is put back; otherwise the caller settles it.
template <bool Undecided = false>
inline waiter* win_waiter(wait_queue& queue) noexcept {
  while (waiter* w = Undecided ? queue.pop_undecided() : queue.pop_front()) {
    if (w->tag == alone) {
      return w;
    }
    auto* const of_select = static_cast<select_waiter*>(w);
    if (of_select->owner->claim()) {
      of_select->owner->winner = of_select;
      return w;
    }
  }
  return nullptr;
}

// A waiter that was won, but whose deal threw.
inline void put_back(chan_core& c, wait_queue& queue, std::uint32_t flag, waiter* w,
                     wakes& wake) noexcept {
  if (w->tag == alone) {
    queue.push_front(w);
    set_flag(c, flag);
  } else {
    w->tag = retry;
    wake.first = w->g;
  }
}

template <class Slot>
class dealer {
 public:
  static deal send(chan_core& c, void* value, wakes& wake, std::exception_ptr* error) noexcept {
    const std::uint32_t flags = c.flags.load(std::memory_order_relaxed);
    if ((flags & (chan_core::closed_bit | chan_core::receivers_wait)) != 0) {
      if ((flags & chan_core::closed_bit) != 0) {
        return deal::closed;
      }
      waiter* const w = win_waiter<Slot::can_throw>(c.receivers);
      if (c.receivers.empty()) {
        clear_flag(c, chan_core::receivers_wait);
      }
      if (w != nullptr) {
        if (!hand(c, w->value, value, error)) {
          put_back(c, c.receivers, chan_core::receivers_wait, w, wake);
          return deal::failed;
        }
        if constexpr (Slot::can_throw) {
          settle(w);
        }
        w->tag = dealt;
        wake.first = w->g;
        return deal::done;
      }
    }
    const std::size_t count = c.count.load(std::memory_order_relaxed);
    if (count == c.capacity) {
      return deal::none;
    }
    if (!put(c, c.tail, value, error)) {
      return deal::failed;
    }
    c.tail = after(c, c.tail);
    c.count.store(count + 1, std::memory_order_release);
    return deal::done;
  }

  static deal recv(chan_core& c, void* to, wakes& wake, std::exception_ptr* error) noexcept {
    const std::size_t count = c.count.load(std::memory_order_relaxed);
    const std::uint32_t flags = c.flags.load(std::memory_order_relaxed);
    if (count != 0) {
      if (!take(c, to, c.head, error)) {
        return deal::failed;
      }
      c.head = after(c, c.head);
      if ((flags & chan_core::senders_wait) == 0 || !refill(c, wake)) {
        c.count.store(count - 1, std::memory_order_release);
      }
      return deal::done;
    }
    if ((flags & chan_core::senders_wait) != 0) {
      waiter* const w = win_waiter<Slot::can_throw>(c.senders);
      if (c.senders.empty()) {
        clear_flag(c, chan_core::senders_wait);
      }
      if (w != nullptr) {
        if (!hand(c, to, w->value, error)) {
          put_back(c, c.senders, chan_core::senders_wait, w, wake);
          return deal::failed;
        }
        if constexpr (Slot::can_throw) {
          settle(w);
        }
        w->tag = dealt;
        wake.first = w->g;
        return deal::done;
      }
    }
    return (flags & chan_core::closed_bit) != 0 ? deal::closed : deal::none;
  }

 private:
  // The value of the first waiting sender goes into the slot at the tail, which a receive has just
  // freed. False: there was none to move.
  static bool refill(chan_core& c, wakes& wake) noexcept {
    waiter* w = win_waiter(c.senders);
    if constexpr (Slot::can_throw) {
      while (w != nullptr) {
        std::exception_ptr error;
        if (put(c, c.tail, w->value, &error)) {
          break;
        }
        (w->tag == alone ? static_cast<chan_waiter*>(w)->error
                         : static_cast<select_waiter*>(w)->owner->error) = std::move(error);
        w->tag = failed;
        w->next = wake.rest;
        wake.rest = w;
        w = win_waiter(c.senders);
      }
    } else if (w != nullptr) {
      put(c, c.tail, w->value, nullptr);
    }
    if (c.senders.empty()) {
      clear_flag(c, chan_core::senders_wait);
    }
    if (w == nullptr) {
      return false;
    }
    c.tail = after(c, c.tail);
    w->tag = dealt;
    wake.first = w->g;
    return true;
  }

  static std::byte* after(const chan_core& c, std::byte* slot) noexcept {
    if constexpr (is_bytes<Slot>) {
      slot += Slot::size;
    } else {
      slot += c.type->size;
    }
    return slot == c.end ? c.first : slot;
  }

  static bool put(chan_core& c, void* slot, void* value, std::exception_ptr* error) noexcept {
    return transfer(&element::put, c, slot, value, error);
  }
  static bool take(chan_core& c, void* to, void* slot, std::exception_ptr* error) noexcept {
    return transfer(&element::take, c, to, slot, error);
  }
  static bool hand(chan_core& c, void* to, void* value, std::exception_ptr* error) noexcept {
    return transfer(&element::hand, c, to, value, error);
  }

  static bool transfer(move_fn element::*move, [[maybe_unused]] chan_core& c, void* to, void* from,
                       [[maybe_unused]] std::exception_ptr* error) noexcept {
    if constexpr (is_bytes<Slot>) {
      std::memcpy(to, from, Slot::size);
      return true;
    } else if constexpr (!Slot::can_throw) {
      (c.type->*move)(to, from, nullptr);
      return true;
    } else {
      return (c.type->*move)(to, from, error);
    }
  }
};

}  // namespace weft::detail
