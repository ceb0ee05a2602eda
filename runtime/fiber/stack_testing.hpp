// For tests: to look on while new stacks are placed. (Not in stack.hpp, where this namespace would
// hide gtest's from every test inside weft::detail.)
#pragma once

namespace weft::detail::testing {

// Called each time that stacks which have never been used are about to be placed; null: no call.
void call_before_placing(void (*look)() noexcept) noexcept;

}  // namespace weft::detail::testing
