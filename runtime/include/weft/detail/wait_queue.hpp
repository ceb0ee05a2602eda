// A wait in progress, and the FIFO list of those that wait for the same thing.
//
// A `waiter` lives on the frame of the fiber or thread that waits. It is in at most one queue;
// the queue, and every field of a queued waiter, are guarded by the lock of the object that owns
// the queue. Whoever takes a waiter off its queue under that lock has won the wait: it alone sets
// the outcome and, after it has released the lock, readies the waiter's G. Making G ready is the
// last touch: from then on the frame may be gone. So read `w->g` (and the next waiter of a
// private list) before.
//
// The object may be gone even earlier: as soon as its lock is free after the last waiter was taken
// (a condition_variable may be destroyed once it has been notified). So a deadline that wants to
// end the wait must not go for that lock by what it once read in the waiter. It says first that it
// comes (contest: open -> coming); who takes the waiter then waits, the lock held, until it has
// seen that it is too late (taken -> left) and keeps its hands off. Only waits with a deadline
// and those of plain threads are `contested`: others cost their wakers no atomic. Those are ended
// by stop() alone, which has an arrangement of its own (runtime/scheduler/shutdown.cpp).
//
// At most one canceller at a time: a fiber's deadline or stop(); for plain threads they take the
// stand-in's scan_guard.
//
// Atomics:   contest_  canceller: CAS open -> coming, load acquire, store left release: its look at
//                      the lock is over before the taker releases that; store open, with the lock.
//                      taker, with the lock: exchange taken acq_rel, load acquire.
// Tested by: tests/model/park_model.cpp, tests/unit/condition_variable_test.cpp
#pragma once

#include <atomic>
#include <cstdint>

#include "weft/detail/export.hpp"

namespace weft::detail {

struct G;
class lock;
class wait_queue;

enum class wait_outcome : std::uint8_t {
  woken,      // somebody took the waiter off its queue and readied it
  timed_out,  // the deadline passed first
  unwound,    // stop() ended the wait: the caller repairs its state and calls throw_unwind()
};

// Something stop() or a deadline can end early. `cancel` tries to claim the wait; true means that
// this call won it and must ready the G.
struct cancel_point {
  bool (*cancel)(cancel_point*, wait_outcome) noexcept = nullptr;
};

enum class contest : std::uint8_t {
  open,
  coming,  // a canceller goes for the object's lock
  taken,   // off the queue by a waker
  left,    // taken, and the canceller that came has gone
};

struct waiter : cancel_point {
  waiter* next = nullptr;
  waiter* prev = nullptr;
  G* g = nullptr;
  wait_queue* queue = nullptr;  // the queue it stands in, null when in none
  lock* guard = nullptr;        // the lock of that queue's object
  wait_outcome outcome = wait_outcome::woken;
  bool contested = false;  // a canceller may come while others take it
  std::atomic<contest> contest_{contest::open};
  std::uint32_t tag = 0;  // the owner's use: reader or writer, permits asked for, ...
  void* value = nullptr;  // the owner's use: where a value is taken from or put to
};

// The second half of settle(): until the canceller has gone.
WEFT_API void outwait_canceller(waiter* w) noexcept;

// w, just taken off its queue, is won for good. The object's lock is held.
inline void settle(waiter* w) noexcept {
  if (w->contested && w->contest_.exchange(contest::taken, std::memory_order_acq_rel) ==
                          contest::coming) [[unlikely]] {
    outwait_canceller(w);
  }
}

class wait_queue {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  waiter* front() const noexcept { return head_; }

  void push_back(waiter* w) noexcept {
    w->next = nullptr;
    w->prev = tail_;
    (tail_ ? tail_->next : head_) = w;
    tail_ = w;
    w->queue = this;
  }

  void push_front(waiter* w) noexcept {
    w->prev = nullptr;
    w->next = head_;
    (head_ ? head_->prev : tail_) = w;
    head_ = w;
    w->queue = this;
  }

  void remove(waiter* w) noexcept {
    (w->prev ? w->prev->next : head_) = w->next;
    (w->next ? w->next->prev : tail_) = w->prev;
    w->queue = nullptr;
  }

  // The longest waiting, taken off and won; null when nobody waits.
  waiter* pop_front() noexcept {
    waiter* const w = pop_undecided();
    if (w != nullptr) {
      settle(w);
    }
    return w;
  }

  // The same, for who may have to put it back to the front; otherwise settle() it before the
  // object's lock is released.
  waiter* pop_undecided() noexcept {
    waiter* w = head_;
    if (w != nullptr) {
      head_ = w->next;
      (head_ ? head_->prev : tail_) = nullptr;
      w->queue = nullptr;
    }
    return w;
  }

 private:
  waiter* head_ = nullptr;
  waiter* tail_ = nullptr;
};

}  // namespace weft::detail
