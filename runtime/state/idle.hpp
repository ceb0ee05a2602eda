// Which Ps are idle, and how many Ms look for work: the state behind "may I sleep" and "must I
// wake somebody".
//
// Invariant: a G that was announced (see wake_helper) and an idle P imply that some M is spinning,
//            or that the last M to stop spinning looks at all queues once more.
// A P that has withdrawn (withdraw.hpp) is idle, but not to be woken for work: for the invariant it
// is as if it ran a fiber. It comes back by itself.
//
// Lock:      guard is "the scheduler lock" of the other files. Only check_deadlock() takes others
//            with it held (docs/locks.md).
// Atomics:   spinning  submitter S: publish G; full fence; load spinning and willing
//                      stopper   T: leave spinning; full fence; scan all queues
//            Each side writes one word and reads the other's: release/acquire would let both read
//            the old value, and the G would be lost. The fences have one order: S first and T's
//            scan sees G, or T first and S reads the lowered count and wakes an M.
//            idle_count, willing  written under guard, read as a hint, and willing by S as above.
// Tested by: tests/model/idle_model.cpp
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "runtime/state/p.hpp"
#include "weft/detail/lock.hpp"

namespace weft::detail {

class idle_list {
 public:
  lock guard;
  alignas(cache_line) std::atomic<std::int32_t> spinning{0};
  std::atomic<std::int32_t> willing{0};  // of those idle, the ones that have not withdrawn
  std::atomic<std::int32_t> idle_count{0};
  std::atomic<std::uint32_t> fruitless{0};  // Ms that were woken to help and found nothing to do

  // All with guard held.
  void push(P* p) noexcept {
    p->idle.store(true, std::memory_order_relaxed);
    p->prev_idle = nullptr;
    p->next_idle = head_;
    (head_ != nullptr ? head_->prev_idle : tail_) = p;
    head_ = p;
    idle_count.fetch_add(1, std::memory_order_seq_cst);
    willing.fetch_add(1, std::memory_order_seq_cst);
  }
  void push_withdrawn(P* p) noexcept {
    p->idle.store(true, std::memory_order_relaxed);
    p->withdrawn = true;
    p->next_idle = nullptr;
    p->prev_idle = tail_;
    (tail_ != nullptr ? tail_->next_idle : head_) = p;
    tail_ = p;
    idle_count.fetch_add(1, std::memory_order_seq_cst);
  }
  void remove(P* p) noexcept {
    p->idle.store(false, std::memory_order_relaxed);
    (p->prev_idle != nullptr ? p->prev_idle->next_idle : head_) = p->next_idle;
    (p->next_idle != nullptr ? p->next_idle->prev_idle : tail_) = p->prev_idle;
    idle_count.fetch_sub(1, std::memory_order_seq_cst);
    if (!std::exchange(p->withdrawn, false)) {
      willing.fetch_sub(1, std::memory_order_seq_cst);
    }
  }
  // The P that became idle last, whose caches are warmest; null when none is, or only such as have
  // withdrawn.
  P* pop() noexcept { return head_ != nullptr && !head_->withdrawn ? pop_any() : nullptr; }
  // One of those if there is no other.
  P* pop_any() noexcept {
    P* const p = head_;
    if (p != nullptr) {
      remove(p);
    }
    return p;
  }
  P* first() const noexcept { return head_; }

  // Of withdraw.cpp: written with guard held, read as a hint.
  std::atomic<std::int64_t> last_withdrawal_ns{0};

 private:
  P* head_ = nullptr;
  P* tail_ = nullptr;
};

}  // namespace weft::detail
