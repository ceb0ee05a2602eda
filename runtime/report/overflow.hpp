// The report of a stack overflow: from start() to stop().
#pragma once

namespace weft::detail {

void install_overflow_report() noexcept;
void remove_overflow_report() noexcept;

}  // namespace weft::detail
