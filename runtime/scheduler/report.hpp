// What the scheduler asks of the reports, the floor above it; defined there.
#pragma once

namespace weft::detail {

// Called by start() before any fiber runs, and by stop() when none is left.
void install_reports() noexcept;
void remove_reports() noexcept;

// For an exception that was caught because it left a detached fiber. Inside the handler.
[[noreturn]] void report_uncaught_and_abort() noexcept;

}  // namespace weft::detail
