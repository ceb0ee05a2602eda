// Time that threads spend spinning, told to the scheduler: who spins much had better not run.
#pragma once

#include <cstdint>

#include "runtime/machine/platform.hpp"

namespace weft::detail {

// The calling thread has spun for `ns`, until now. Defined in scheduler/withdraw.cpp.
void count_spinning(std::int64_t now_ns, std::int64_t ns) noexcept;

// From its beginning to its end the calling thread spins.
class spinning_time {
 public:
  spinning_time() noexcept : begin_(monotonic_ns()) {}
  ~spinning_time() {
    const std::int64_t now = monotonic_ns();
    count_spinning(now, now - begin_);
  }
  spinning_time(const spinning_time&) = delete;
  spinning_time& operator=(const spinning_time&) = delete;

 private:
  std::int64_t begin_;
};

}  // namespace weft::detail
