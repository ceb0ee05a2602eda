// The hooks that the scheduler calls.
#include <cstdlib>
#include <string>

#include "runtime/report/dump.hpp"
#include "runtime/report/on_quit.hpp"
#include "runtime/report/overflow.hpp"
#include "runtime/report/print.hpp"
#include "runtime/report/uncaught.hpp"
#include "runtime/scheduler/report.hpp"

namespace weft::detail {

void install_reports() noexcept {
  install_overflow_report();
  install_terminate_report();
  install_quit_dump();
}

void remove_reports() noexcept {
  remove_quit_dump();
  remove_terminate_report();
  remove_overflow_report();
}

void forget_reports_in_child() noexcept { forget_quit_dump(); }

void report_leaks_at_stop() noexcept {
  const char* const text = std::getenv("WEFT_LEAKS");
  if (text == nullptr || *text == '\0') {
    return;
  }
  char* end = nullptr;
  const long ms = std::strtol(text, &end, 10);
  if (*end != '\0' || ms < 0) {
    print_error("weft: WEFT_LEAKS must be a number of milliseconds, it is \"" + std::string(text) +
                "\"\n");
    return;
  }
  constexpr std::int64_t ns_per_ms = 1'000'000;
  std::string report;
  append_leaks(report, ms * ns_per_ms);
  print_error(report);
}

}  // namespace weft::detail
