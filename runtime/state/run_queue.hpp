// A P's run queue: runnext, and a ring of 256, first in first out.
//
// As Go's (src/runtime/proc.go: runqput, runqget, runqgrab): one producer, the owner; many
// consumers, the owner and thieves, who all advance `head_`. Indices run freely, so an equal head
// means nothing was consumed in between: no ABA.
//
// runnext holds the G readied last: it runs next and inherits the time slice. Only the owner
// fills it; a thief may take it from a P that has not dispatched for a while.
//
// Mode. While the runtime has one P nobody steals, and the owner uses plain stores. The owner
// leaves that mode by share(), which publishes itself to thieves; it never goes back.
//
// Owner means: the M that holds the P, inside an entry.
//
//   head_     consumers: CAS release (plain store when not shared); read acquire by the owner,
//             who may then reuse the slots
//   tail_     the owner: store release, after the slot; thieves read acquire, before the slot
//   next_     owner: exchange acq_rel in, CAS acq_rel out; thief: CAS acq_rel to null
//   stealable owner: store release in share(); thieves read acquire
//
// Tested by: tests/unit/run_queue_test.cpp, tests/stress/run_queue_stress.cpp
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "runtime/machine/platform.hpp"
#include "runtime/state/global_queue.hpp"

namespace weft::detail {

struct G;

class run_queue {
 public:
  static constexpr std::uint32_t capacity = 256;

  // Owner. Puts g into runnext, who was there to the tail. True if more than g is now runnable.
  bool push_next(G* g, global_queue& overflow) noexcept {
    G* displaced;
    if (shared_) {
      displaced = next_.exchange(g, std::memory_order_acq_rel);
    } else {
      displaced = next_.load(std::memory_order_relaxed);
      next_.store(g, std::memory_order_relaxed);
    }
    if (displaced != nullptr) {
      push_back(displaced, overflow);
      return true;
    }
    return tail_.load(std::memory_order_relaxed) != head_.load(std::memory_order_relaxed);
  }

  // Owner. To the tail; half of a full ring moves to `overflow`. True if more than g is runnable.
  bool push_back(G* g, global_queue& overflow) noexcept {
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head < capacity) [[likely]] {
      slot(tail).store(g, std::memory_order_relaxed);
      tail_.store(tail + 1, std::memory_order_release);
      return tail != head || next_.load(std::memory_order_relaxed) != nullptr;
    }
    overflow_half(g, head, overflow);
    return true;
  }

  // Owner. To the tail of a ring that is known to have room.
  void append(G* g) noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    slot(tail).store(g, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);
  }

  // Owner. runnext, or null.
  G* pop_next() noexcept {
    G* g = next_.load(std::memory_order_relaxed);
    if (g == nullptr) {
      return nullptr;
    }
    if (!shared_) {
      next_.store(nullptr, std::memory_order_relaxed);
      return g;
    }
    return next_.compare_exchange_strong(g, nullptr, std::memory_order_acq_rel,
                                         std::memory_order_relaxed)
               ? g
               : nullptr;
  }

  // Owner. The head of the ring, or null.
  G* pop_front() noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      if (head == tail_.load(std::memory_order_relaxed)) {
        return nullptr;
      }
      G* g = slot(head).load(std::memory_order_relaxed);
      __builtin_prefetch(slot(head + 1).load(std::memory_order_relaxed));
      if (!shared_) {
        head_.store(head + 1, std::memory_order_relaxed);
        return g;
      }
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return g;
      }
    }
  }

  // Owner. Whether anything is runnable here besides runnext.
  bool ring_empty() const noexcept {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_relaxed);
  }
  bool next_empty() const noexcept { return next_.load(std::memory_order_relaxed) == nullptr; }

  // Owner. From now on thieves may take from here.
  void share() noexcept {
    shared_ = true;
    stealable_.store(true, std::memory_order_release);
  }
  bool shared() const noexcept { return shared_; }

  // Thief. Half of the ring, rounded up: all but one into `mine`, whose ring is empty and whose
  // owner the caller is. Returns that one, or null.
  G* steal_half(run_queue& mine) noexcept;

  // Thief. The G in runnext, for the caller to see whether it stays there; and taking it.
  G* peek_next() const noexcept {
    return stealable() ? next_.load(std::memory_order_acquire) : nullptr;
  }
  bool steal_next(G* g) noexcept {
    return next_.compare_exchange_strong(g, nullptr, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }
  bool stealable() const noexcept { return stealable_.load(std::memory_order_acquire); }

  // Anyone. Length of the ring, a snapshot.
  std::uint32_t size() const noexcept {
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    const std::uint32_t n = tail_.load(std::memory_order_acquire) - head;
    return n <= capacity ? n : 0;
  }

 private:
  std::atomic<G*>& slot(std::uint32_t i) noexcept { return ring_[i % capacity]; }
  void overflow_half(G* g, std::uint32_t head, global_queue& overflow) noexcept;

  alignas(cache_line) std::atomic<std::uint32_t> head_{0};
  alignas(cache_line) std::atomic<std::uint32_t> tail_{0};
  bool shared_ = false;
  std::atomic<bool> stealable_{false};
  std::atomic<G*> next_{nullptr};
  alignas(cache_line) std::array<std::atomic<G*>, capacity> ring_{};
};

}  // namespace weft::detail
