// The report of a deadlock, which ends the process. Who finds out is lifecycle's business.
#include <stdio.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include "runtime/report/aside.hpp"
#include "runtime/report/census.hpp"
#include "runtime/report/print.hpp"
#include "runtime/scheduler/report.hpp"

namespace weft::detail {

namespace {

// A thread outside of weft may be in the middle of something with stdout, for ever.
void flush_output() noexcept {
  if (ftrylockfile(stdout) == 0) {
    std::cout.flush();
    fflush(stdout);
    funlockfile(stdout);
  }
}

}  // namespace

void report_deadlock() noexcept {
  run_aside([] {
    flush_output();
    print_error("fatal error: all fibers are asleep - deadlock!\n\n");
    const census taken({});
    std::string text = "weft: " + taken.summary() + '\n';
    taken.append_groups(text);
    print_error(text);
  });
  constexpr int status = 2;
  _exit(status);
}

}  // namespace weft::detail
