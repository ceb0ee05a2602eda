// What happens on a P, counted for snapshot().
//
// Atomics: every word is written by the P's owner, with a load and a store, relaxed, so a count
//          costs what it costs in a plain variable; read by anyone, relaxed.
// Tested by: tests/unit/snapshot_parks_test.cpp, snapshot_test.cpp
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "weft/detail/wait_reason.hpp"

namespace weft::detail {

// One writer at a time.
class event_count {
 public:
  [[gnu::always_inline]] void add(std::uint64_t n) noexcept {
#if defined(__x86_64__) && !defined(WEFT_SANITIZE_THREAD)
    // The same in one instruction. gcc 12 makes four of it: counting parks then costs bench/w03
    // 1.5 % of its instructions instead of 0.4 %.
    asm("addq %1, %0" : "+m"(value_) : "er"(n) : "cc");
#else
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
#endif
  }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct p_counts {
  std::array<event_count, static_cast<std::size_t>(wait_reason::count_)> parks;
  event_count steals;         // its M took something from another P
  event_count stolen_fibers;  // how many fibers that were

  void count_park(wait_reason reason) noexcept { parks[static_cast<std::size_t>(reason)].add(1); }

  void add(const p_counts& other) noexcept {
    for (std::size_t i = 0; i < parks.size(); ++i) {
      parks[i].add(other.parks[i].value());
    }
    steals.add(other.steals.value());
    stolen_fibers.add(other.stolen_fibers.value());
  }
};

}  // namespace weft::detail
