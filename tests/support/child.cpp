#include "support/child.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace weft_testing {

namespace {

[[noreturn]] void run_child(const std::function<int()>& body, int error_pipe, unsigned limit) {
  dup2(error_pipe, STDERR_FILENO);
  close(error_pipe);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (const int number : {SIGABRT, SIGSEGV, SIGALRM}) {
    signal(number, SIG_DFL);  // a sanitizer's handler would exit instead
  }
  alarm(limit);
  std::exit(body());
}

}  // namespace

child_result run_in_child(const std::function<int()>& body, unsigned limit_seconds) {
  int ends[2];
  if (pipe(ends) != 0) {
    return {};
  }
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    run_child(body, ends[1], limit_seconds);
  }
  close(ends[1]);
  child_result result;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    result.errors.append(buffer, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

}  // namespace weft_testing
