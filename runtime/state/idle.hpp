// Which Ps are idle, and how many Ms look for work: the state behind "may I sleep" and "must I
// wake somebody".
//
// Invariant: a G that was announced (see wake_helper) and an idle P imply that some M is spinning,
//            or that the last M to stop spinning looks at all queues once more.
// Lock:      guard, a leaf, is "the scheduler lock" of the other files.
// Atomics:   spinning  submitter S: publish G; full fence; load spinning and idle_count
//                      stopper   T: leave spinning; full fence; scan all queues
//            Each side writes one word and reads the other's: release/acquire would let both read
//            the old value, and the G would be lost. The fences have one order: S first and T's
//            scan sees G, or T first and S reads the lowered count and wakes an M.
//            idle_count  written under guard, read as a hint and by S as above.
// Tested by: tests/model/idle_model.cpp
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/state/p.hpp"
#include "weft/detail/lock.hpp"

namespace weft::detail {

class idle_list {
 public:
  lock guard;
  alignas(cache_line) std::atomic<std::int32_t> spinning{0};
  std::atomic<std::int32_t> idle_count{0};
  std::atomic<std::uint32_t> fruitless{0};  // Ms that were woken to help and found nothing to do

  // All with guard held.
  void push(P* p) noexcept {
    p->idle.store(true, std::memory_order_relaxed);
    p->prev_idle = nullptr;
    p->next_idle = head_;
    if (head_ != nullptr) {
      head_->prev_idle = p;
    }
    head_ = p;
    idle_count.fetch_add(1, std::memory_order_seq_cst);
  }
  void remove(P* p) noexcept {
    p->idle.store(false, std::memory_order_relaxed);
    (p->prev_idle != nullptr ? p->prev_idle->next_idle : head_) = p->next_idle;
    if (p->next_idle != nullptr) {
      p->next_idle->prev_idle = p->prev_idle;
    }
    idle_count.fetch_sub(1, std::memory_order_seq_cst);
  }
  // The P that became idle last, whose caches are warmest; null when none is.
  P* pop() noexcept {
    P* p = head_;
    if (p != nullptr) {
      remove(p);
    }
    return p;
  }
  P* first() const noexcept { return head_; }

 private:
  P* head_ = nullptr;
};

}  // namespace weft::detail
