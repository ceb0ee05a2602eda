// The code address of which a fiber's record has kept the lower half.
#pragma once

#include <cstdint>

namespace weft::detail {

// The address in loaded code with these lower 32 bits, as a backtrace would give it (that of the
// call). 0: there is none. Of several (which takes code that is spread over more than 4 GiB), the
// first that is preceded by a call.
std::uintptr_t find_start_site(std::uint32_t lower_half) noexcept;

}  // namespace weft::detail
