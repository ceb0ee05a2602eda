// Backtraces as text.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/machine/backtrace.hpp"
#include "runtime/machine/symbols.hpp"

namespace weft::detail {

// From the trace's frame `first` on, a line per frame, "  #0  f(int) at dir/file.cpp:12". The
// switch at one end, what stands between a fiber's function and the foot of its stack at the other,
// and what std:: has inlined, is left out.
void append_frames(std::string& out, const backtrace& trace, symbols& names, std::size_t first = 0);

// "f(int) at dir/file.cpp:12": the place in the program's own code where a call of weft's
// templates was compiled into.
std::string call_site(std::uintptr_t address, symbols& names);

}  // namespace weft::detail
