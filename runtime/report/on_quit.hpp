// With WEFT_DUMP=1 in the environment: a dump to stderr whenever the process gets SIGQUIT.
#pragma once

#include <cstdint>

namespace weft::detail {

// From start() to stop(). Nothing without WEFT_DUMP=1.
void install_quit_dump() noexcept;
void remove_quit_dump() noexcept;
// In the child of a fork(): SIGQUIT means there what it meant before start().
void forget_quit_dump() noexcept;

// How many there have been; for tests.
std::uint32_t quit_dumps() noexcept;

}  // namespace weft::detail
