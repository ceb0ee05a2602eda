// Takes the place of runtime/machine/spinning.hpp: nobody counts.
#pragma once

#include <cstdint>

namespace weft::detail {

void count_spinning(std::int64_t now_ns, std::int64_t ns) noexcept;

struct spinning_time {
  ~spinning_time() {}  // or it would be an unused variable
};

}  // namespace weft::detail
