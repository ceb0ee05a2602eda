// The global run queue: what no P holds. Overflow of full rings, fibers that used up their slice,
// and what plain threads make runnable.
//
// Two lists under one lock. Fibers that have started go in a FIFO. Fibers that have not started
// cost nothing but their record while they wait, and tend to start more of their kind: of those
// the newest goes first, which walks a tree of spawns in depth instead of in breadth (a million
// leaves are then a few thousand live fibers). `oldest` is for the look that a P takes every 61st
// dispatch: it bounds the wait of the oldest to 61 dispatches for each fiber before it.
//
// Lock order: guard_ is a leaf.
// Atomics:    size_  written under the lock (release), read by anyone as a hint (acquire).
// Tested by:  tests/unit/run_queue_test.cpp
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "weft/detail/lock.hpp"

namespace weft::detail {

struct G;
class run_queue;

class global_queue {
 public:
  constexpr global_queue() noexcept = default;

  // Room for n fibers: with that, no push can fail. Throws std::bad_alloc.
  void reserve(std::size_t n);
  // Frees that room again. Empty.
  void release() noexcept;

  void push(G* g) noexcept { push_batch(&g, 1); }
  void push_batch(G* const* batch, std::uint32_t count) noexcept;

  // The fiber that waits longest (started or not, in turn), or null.
  G* pop_oldest() noexcept;

  // One to run now; up to `more` further ones go to `local`, whose owner the caller is.
  G* pop_batch(run_queue& local, std::uint32_t more) noexcept;

  std::uint32_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  bool empty() const noexcept { return size() == 0; }

 private:
  // A ring of power-of-two capacity.
  struct deque {
    G** slots = nullptr;
    std::size_t capacity = 0;
    std::size_t front = 0;
    std::size_t count = 0;
    void reserve(std::size_t n);
    void push_back(G* g) noexcept { slots[(front + count++) & (capacity - 1)] = g; }
    G* pop_front() noexcept {
      return count == 0 ? nullptr : (--count, slots[front++ & (capacity - 1)]);
    }
    G* pop_back() noexcept {
      return count == 0 ? nullptr : slots[(front + --count) & (capacity - 1)];
    }
  };
  G* pop_newest_work() noexcept;

  lock guard_;
  deque started_;
  deque fresh_;
  bool fresh_turn_ = false;
  std::atomic<std::uint32_t> size_{0};
};

}  // namespace weft::detail
