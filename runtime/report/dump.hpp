// Dumps and leak reports as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace weft::detail {

// What weft::dump() writes.
std::string dump_text();

// What weft::report_leaks() writes; how many fibers it tells of.
std::size_t append_leaks(std::string& out, std::int64_t least_age_ns);

}  // namespace weft::detail
