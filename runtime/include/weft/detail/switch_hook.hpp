// What a checking library is told when a fiber leaves its thread.
//
// start() looks for a function of this name in the process, as dlsym() does, and the scheduler then
// calls it before each switch away from a fiber, on that fiber's stack, with locks of the runtime
// held: it must not call weft. When there is none a switch costs a load and a branch more.
#pragma once

#include <cstdint>

namespace weft::detail {

struct switch_info {
  std::uint64_t fiber;
  const char* name;    // empty: none
  const char* reason;  // what it waits for: "channel receive", "yield"
};

using switch_hook = void (*)(const switch_info* info) noexcept;

inline constexpr const char* switch_hook_name = "weft_on_fiber_switch_1";

}  // namespace weft::detail
