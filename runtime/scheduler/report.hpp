// What the scheduler asks of the reports, the floor above it; defined there.
#pragma once

#include <cstdint>

namespace weft::detail {

// Called by start() before any fiber runs, and by stop() when none is left.
void install_reports() noexcept;
void remove_reports() noexcept;

// In the child of a fork(), where the thread that writes dumps does not exist.
void forget_reports_in_child() noexcept;

// The thread that waits for SIGQUIT, in the kernel; 0: there is none.
int report_thread_id() noexcept;

// stop() begins: WEFT_LEAKS.
void report_leaks_at_stop() noexcept;

// WEFT_SCHEDTRACE: a line to stderr on what every P does. sysmon calls it.
void print_sched_trace(std::int64_t ns_since_start) noexcept;

// Prints that all fibers are asleep, and who they are, and ends the process with status 2. The
// world must be at rest. Takes the locks of the lists of fibers and of plain threads and the
// scan_guard of each; no other lock of weft's: the caller may hold the scheduler's.
[[noreturn]] void report_deadlock() noexcept;

// For an exception that was caught because it left a detached fiber. Inside the handler.
[[noreturn]] void report_uncaught_and_abort() noexcept;

}  // namespace weft::detail
