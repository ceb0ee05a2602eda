// What is counted for the whole process, for snapshot(); what happens on a P is in p_counts.hpp.
//
// Atomics:   relaxed: added to on slow paths only, by anyone.
// Tested by: tests/unit/snapshot_test.cpp
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::detail {

// Since the process began.
struct counters {
  std::atomic<std::uint64_t> yields_asked{0};
  std::atomic<std::uint64_t> detached_slice{0};       // over their slice, and did not answer
  std::atomic<std::uint64_t> detached_declared{0};    // inside blocking()
  std::atomic<std::uint64_t> detached_undeclared{0};  // asleep in the kernel
  std::atomic<std::uint64_t> detached_at_once{0};     // by themselves
  std::atomic<std::uint64_t> kept_by_cap{0};          // hogs not detached: too many already
  std::atomic<std::uint64_t> returns_queued{0};       // came back, and had to wait for a P
  std::atomic<std::uint64_t> hand_offs{0};
  std::atomic<std::uint64_t> withdrawals{0};
  std::atomic<std::uint64_t> threads_made{0};
  std::atomic<std::uint64_t> threads_ended{0};
};

}  // namespace weft::detail
