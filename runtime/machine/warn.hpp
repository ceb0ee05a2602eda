// A line to stderr from threads that others depend on.
#pragma once

#include <string_view>

namespace weft::detail {

// Writes the line, unless stderr is a full pipe that nobody reads: a warning is not worth standing
// still. (Who else writes there may fill it in the moment between the look and the write.) Shorter
// than a page.
void warn(std::string_view line) noexcept;

}  // namespace weft::detail
