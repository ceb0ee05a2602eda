#include "runtime/state/run_queue.hpp"

#include "runtime/state/g.hpp"

namespace weft::detail {

void run_queue::overflow_half(G* g, global_queue& overflow) noexcept {
  constexpr std::uint32_t half = capacity / 2;
  std::array<G*, half + 1> batch;
  std::uint64_t head = head_.load(std::memory_order_acquire);
  if (tail_.load(std::memory_order_relaxed) - index(head) < capacity) {
    push_back(g, overflow);
    return;
  }
  for (std::uint32_t i = 0; i < half; ++i) {
    batch[i] = slot(index(head) + i).load(std::memory_order_relaxed);
  }
  // Only thieves can interfere, and they only make room.
  if (!head_.compare_exchange_strong(head, advanced(head, half), std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
    push_back(g, overflow);
    return;
  }
  batch[half] = g;
  overflow.push_batch(batch.data(), half + 1);
}

G* run_queue::steal_half(run_queue& mine) noexcept {
  if (!stealable()) {
    return nullptr;
  }
  std::uint64_t head = head_.load(std::memory_order_acquire);
  for (;;) {
    const std::uint32_t tail = tail_.load(std::memory_order_acquire);
    std::uint32_t n = tail - index(head);
    n -= n / 2;
    if (n == 0) {
      return nullptr;
    }
    if (n > capacity / 2) {  // head and tail were read at different times
      head = head_.load(std::memory_order_acquire);
      continue;
    }
    const std::uint32_t to = mine.tail_.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < n; ++i) {
      G* g = slot(index(head) + i).load(std::memory_order_relaxed);
      mine.slot(to + i).store(g, std::memory_order_relaxed);
    }
    if (head_.compare_exchange_strong(head, advanced(head, n), std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      // The last one is run at once, the others become visible.
      G* g = mine.slot(to + n - 1).load(std::memory_order_relaxed);
      mine.tail_.store(to + n - 1, std::memory_order_release);
      return g;
    }
  }
}

}  // namespace weft::detail
