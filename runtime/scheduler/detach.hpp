// Taking Ps away from Ms that do not come back: sysmon's side of the detach protocol (marks.hpp),
// in batches of one barrier each. sysmon's thread only.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

// slice: has run over its slice and does not answer. declared: inside blocking(). undeclared:
// asleep in the kernel without having said so. world: for a world_hold.
enum class detach_cause : std::uint8_t { slice, declared, undeclared, world };

// As many fibers over their slice may run without a P at a time: each keeps a thread busy. Not a
// constant, for tests only.
inline std::atomic<int> testing_most_hogs{256};

class detacher {
 public:
  // p's M is to lose it, if it is not inside the runtime by then, and p has dispatched nobody
  // since. Once for each P.
  void add(P* p, M* m, detach_cause why) noexcept;

  // Does so for all that were added; what was taken is handed on. Returns how many were.
  int run() noexcept;

 private:
  struct candidate {
    P* p;
    M* m;
    std::uint32_t dispatches;
    detach_cause why;
    bool begun;
  };
  static bool take(const candidate& c) noexcept;

  std::size_t count_ = 0;
  int hogs_ = 0;  // of those added
  std::array<candidate, max_procs> candidates_;
};

}  // namespace weft::detail
