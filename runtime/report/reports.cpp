// The hooks that the scheduler calls.
#include "runtime/report/overflow.hpp"
#include "runtime/report/uncaught.hpp"
#include "runtime/scheduler/report.hpp"

namespace weft::detail {

void install_reports() noexcept {
  install_overflow_report();
  install_terminate_report();
}

void remove_reports() noexcept {
  remove_overflow_report();
  remove_terminate_report();
}

}  // namespace weft::detail
