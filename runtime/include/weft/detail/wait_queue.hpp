// A wait in progress, and the FIFO list of those that wait for the same thing.
//
// A `waiter` lives on the frame of the fiber or thread that waits. It is in at most one queue;
// the queue, and every field of a queued waiter, are guarded by the lock of the object that owns
// the queue. Whoever takes a waiter off its queue under that lock has won the wait: it alone sets
// the outcome and, after it has released the lock, readies the waiter's G. Making G ready is the
// last touch: from then on the frame may be gone. So read `w->g` (and the next waiter of a
// private list) before.
//
// Tested by: tests/unit/wait_test.cpp
#pragma once

#include <cstdint>

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

struct waiter : cancel_point {
  waiter* next = nullptr;
  waiter* prev = nullptr;
  G* g = nullptr;
  wait_queue* queue = nullptr;  // the queue it stands in, null when in none
  lock* guard = nullptr;        // the lock of that queue's object
  wait_outcome outcome = wait_outcome::woken;
  std::uint32_t tag = 0;  // the owner's use: reader or writer, permits asked for, ...
  void* value = nullptr;  // the owner's use: where a value is taken from or put to
};

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

  // The longest waiting, taken off; null when nobody waits.
  waiter* pop_front() noexcept {
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
