// For tests: a kernel that offers less. (Not in guard.hpp, where this namespace would hide gtest's
// from every test inside weft::detail.)
#pragma once

#include <cstddef>

namespace weft::detail::testing {

// From the next configure_guards() on, pretend that the kernel has no MADV_GUARD_INSTALL, and that
// vm.max_map_count has this value (0: the real one).
void force_mprotect_guards(bool on) noexcept;
void set_max_map_count(std::size_t value) noexcept;

}  // namespace weft::detail::testing
