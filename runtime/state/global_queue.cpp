#include "runtime/state/global_queue.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "runtime/state/g.hpp"
#include "runtime/state/run_queue.hpp"

namespace weft::detail {

void global_queue::deque::reserve(std::size_t n) {
  if (n <= capacity) {
    return;
  }
  const std::size_t larger = std::max<std::size_t>(1024, std::bit_ceil(n));
  G** const moved = new G*[larger];
  for (std::size_t i = 0; i < count; ++i) {
    moved[i] = slots[(front + i) & (capacity - 1)];
  }
  delete[] std::exchange(slots, moved);
  capacity = larger;
  front = 0;
}

void global_queue::release() noexcept {
  delete[] started_.slots;
  delete[] fresh_.slots;
  started_ = {};
  fresh_ = {};
}

void global_queue::reserve(std::size_t n) {
  guard_.acquire();
  try {
    started_.reserve(n);
    fresh_.reserve(n);
  } catch (...) {
    guard_.release();
    throw;
  }
  guard_.release();
}

void global_queue::push_batch(G* const* batch, std::uint32_t count) noexcept {
  guard_.acquire();
  for (std::uint32_t i = 0; i < count; ++i) {
    (batch[i]->started() ? started_ : fresh_).push_back(batch[i]);
  }
  size_.store(size_.load(std::memory_order_relaxed) + count, std::memory_order_release);
  guard_.release();
}

G* global_queue::pop_oldest() noexcept {
  if (empty()) {
    return nullptr;
  }
  guard_.acquire();
  fresh_turn_ = !fresh_turn_;
  G* g = (fresh_turn_ ? fresh_ : started_).pop_front();
  if (g == nullptr) {
    g = (fresh_turn_ ? started_ : fresh_).pop_front();
  }
  if (g != nullptr) {
    size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  }
  guard_.release();
  return g;
}

G* global_queue::pop_newest_work() noexcept {
  G* g = started_.pop_front();
  return g != nullptr ? g : fresh_.pop_back();
}

G* global_queue::pop_batch(run_queue& local, std::uint32_t more) noexcept {
  if (empty()) {
    return nullptr;
  }
  guard_.acquire();
  G* first = pop_newest_work();
  std::uint32_t taken = first != nullptr ? 1 : 0;
  if (first != nullptr) {
    for (; taken <= more; ++taken) {
      G* g = pop_newest_work();
      if (g == nullptr) {
        break;
      }
      local.append(g);
    }
  }
  size_.store(size_.load(std::memory_order_relaxed) - taken, std::memory_order_release);
  guard_.release();
  return first;
}

}  // namespace weft::detail
