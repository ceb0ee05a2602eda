// Runs a lambda in a child process and tells how that ended and what it wrote to stderr: for what
// ends a process, or must not share one with other tests.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace weft_testing {

struct child_result {
  int exit_status = -1;  // -1: ended by a signal
  int signal = 0;        // 0: exited. SIGALRM: hung
  std::string errors;    // what it wrote to stderr
};

// Forks; the child runs body(), then exit(what it returned): with its atexit handlers. The calling
// process must not have the runtime running. A child that has not ended after `limit` is killed.
child_result run_in_child(const std::function<int()>& body, unsigned limit_seconds = 30);

}  // namespace weft_testing
