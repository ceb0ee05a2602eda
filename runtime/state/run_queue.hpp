// A P's run queue: runnext, and a ring of 256, first in first out.
//
// As Go's (src/runtime/proc.go: runqput, runqget, runqgrab): one producer, the owner; many
// consumers, the owner and thieves, who all advance `head_`. Indices run freely, so an equal head
// means nothing was consumed in between: no ABA.
//
// Beyond Go's: the owner may take back the G it put in last, if it is still there (a join runs its
// child at once that way). It lowers the tail first and then changes the epoch in the head word by
// CAS. A thief that read the head before fails its own CAS; one that reads it after sees the
// lowered tail. So nobody can take a slot that the owner has taken back.
//
// runnext holds the G readied last: it runs next and inherits the time slice. It is the owner's
// alone, so that the commonest way from one fiber to the next costs no atomics. A thief that wants
// it, of a P that has not dispatched for a while, borrows the P first (marks.hpp).
//
// Mode. While the runtime has one P nobody steals, and the owner uses plain stores for the ring,
// too. The owner leaves that mode by share(), which publishes itself to thieves; it never goes
// back.
//
// Owner means: the M that holds the P, inside an entry.
//
//   head_     index, low half: consumers advance it by CAS acq_rel (plain store when not shared);
//             read acquire by the owner, who may then reuse the slots.
//             epoch, high half: the owner, in take_back
//   tail_     the owner: store release, after the slot; thieves read acquire, before the slot
//   next_     owner, or who has borrowed the P: plain, by relaxed loads and stores; others read it
//             as a hint
//   stealable owner: store release in share(); thieves read acquire
//
// Tested by: tests/unit/run_queue_test.cpp, tests/stress/run_queue_stress.cpp
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "runtime/machine/platform.hpp"
#include "runtime/state/global_queue.hpp"

#ifndef WEFT_RUN_QUEUE_CAPACITY
#define WEFT_RUN_QUEUE_CAPACITY 256  // a power of two; tests/model runs with 4
#endif

namespace weft::detail {

struct G;

class run_queue {
 public:
  static constexpr std::uint32_t capacity = WEFT_RUN_QUEUE_CAPACITY;

  // Owner. Puts g into runnext, who was there to the tail. True if more than g is now runnable.
  bool push_next(G* g, global_queue& overflow) noexcept {
    G* const displaced = next_.load(std::memory_order_relaxed);
    next_.store(g, std::memory_order_relaxed);
    if (displaced != nullptr) {
      push_back(displaced, overflow);
      return true;
    }
    return !ring_empty();
  }

  // Owner. To the tail; half of a full ring moves to `overflow`. True if more than g is runnable.
  bool push_back(G* g, global_queue& overflow) noexcept {
    const std::uint32_t head = index(head_.load(std::memory_order_acquire));
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head < capacity) [[likely]] {
      slot(tail).store(g, std::memory_order_relaxed);
      tail_.store(tail + 1, std::memory_order_release);
      return tail != head || next_.load(std::memory_order_relaxed) != nullptr;
    }
    overflow_half(g, overflow);
    return true;
  }

  // Owner. To the tail of a ring that is known to have room.
  void append(G* g) noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    slot(tail).store(g, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);
  }

  // Owner, or who has borrowed the P. runnext, or null.
  G* pop_next() noexcept {
    G* const g = next_.load(std::memory_order_relaxed);
    if (g != nullptr) {
      next_.store(nullptr, std::memory_order_relaxed);
    }
    return g;
  }

  // Owner. The head of the ring, or null.
  G* pop_front() noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      if (index(head) == tail_.load(std::memory_order_relaxed)) {
        return nullptr;
      }
      G* g = slot(index(head)).load(std::memory_order_relaxed);
      __builtin_prefetch(slot(index(head) + 2).load(std::memory_order_relaxed));
      if (!shared_) {
        head_.store(advanced(head, 1), std::memory_order_relaxed);
        return g;
      }
      if (head_.compare_exchange_weak(head, advanced(head, 1), std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return g;
      }
    }
  }

  // Owner. Takes g off, if it was put in last: from runnext, or from the tail of the ring.
  bool take_back(G* g) noexcept {
    if (next_.load(std::memory_order_relaxed) == g) {
      next_.store(nullptr, std::memory_order_relaxed);
      return true;
    }
    const std::uint32_t last = tail_.load(std::memory_order_relaxed) - 1;
    std::uint64_t head = head_.load(std::memory_order_acquire);
    if (index(head) == last + 1 || slot(last).load(std::memory_order_relaxed) != g) {
      return false;
    }
    tail_.store(last, std::memory_order_release);
    if (!shared_ ||
        head_.compare_exchange_strong(head, head + one_epoch, std::memory_order_acq_rel)) {
      return true;
    }
    tail_.store(last + 1, std::memory_order_release);  // thieves were there
    return false;
  }

  // Owner. Whether anything is runnable here besides runnext.
  bool ring_empty() const noexcept {
    return index(head_.load(std::memory_order_relaxed)) == tail_.load(std::memory_order_relaxed);
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

  bool stealable() const noexcept { return stealable_.load(std::memory_order_acquire); }

  // Anyone. Length of the ring, a snapshot.
  std::uint32_t size() const noexcept {
    const std::uint32_t head = index(head_.load(std::memory_order_acquire));
    const std::uint32_t n = tail_.load(std::memory_order_acquire) - head;
    return n <= capacity ? n : 0;
  }

 private:
  static constexpr std::uint64_t one_epoch = std::uint64_t{1} << 32;
  static std::uint32_t index(std::uint64_t head) noexcept {
    return static_cast<std::uint32_t>(head);
  }
  static std::uint64_t advanced(std::uint64_t head, std::uint32_t n) noexcept {
    return (head & ~(one_epoch - 1)) | static_cast<std::uint32_t>(index(head) + n);
  }

  std::atomic<G*>& slot(std::uint32_t i) noexcept { return ring_[i % capacity]; }
  void overflow_half(G* g, global_queue& overflow) noexcept;

  alignas(cache_line) std::atomic<std::uint64_t> head_{0};
  alignas(cache_line) std::atomic<std::uint32_t> tail_{0};
  bool shared_ = false;
  std::atomic<bool> stealable_{false};
  std::atomic<G*> next_{nullptr};
  alignas(cache_line) std::array<std::atomic<G*>, capacity> ring_{};
};

}  // namespace weft::detail
