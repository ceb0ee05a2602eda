// Reports that come by themselves: at SIGQUIT, at stop(), at a deadlock. Each in a child process.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "runtime/report/on_quit.hpp"
#include "runtime/scheduler/report.hpp"
#include "support/child.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::wait_reason;
using weft_testing::run_in_child;

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// A fiber that waits for ever, parked.
void leave_behind(const weft::chan<int>& c, const char* name) {
  weft::go({.name = name}, [c] { c.recv(); });
  weft_testing::wait_until_waiting(wait_reason::chan_recv, 1);
  weft_testing::wait_until_idle();
}

TEST(dump_signal, dumps_and_goes_on) {
  const auto child = run_in_child([] {
    setenv("WEFT_DUMP", "1", 1);
    weft::start({.procs = 2});
    const weft::chan<int> c;
    leave_behind(c, "waiter");
    for (std::uint32_t i = 1; i <= 3; ++i) {
      kill(getpid(), SIGQUIT);
      if (!weft_testing::eventually([i] { return weft::detail::quit_dumps() == i; })) {
        return 1;
      }
    }
    weft::stop();
    return 5;
  });
  EXPECT_EQ(child.exit_status, 5) << child.errors;
  EXPECT_TRUE(contains(child.errors, "1 fiber: 1 waiting")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "\"waiter\" [channel receive")) << child.errors;
}

TEST(dump_signal, without_the_variable_ends_the_process) {
  const auto child = run_in_child([] {
    unsetenv("WEFT_DUMP");
    weft::start({.procs = 1});
    kill(getpid(), SIGQUIT);
    for (;;) {
      pause();
    }
    return 0;
  });
  EXPECT_EQ(child.signal, SIGQUIT);
}

TEST(dump_signal, has_its_old_meaning_after_stop) {
  const auto child = run_in_child([] {
    setenv("WEFT_DUMP", "1", 1);
    for (int i = 0; i < 3; ++i) {
      weft::start({.procs = 1});
      weft::stop();
    }
    kill(getpid(), SIGQUIT);
    for (;;) {
      pause();
    }
    return 0;
  });
  EXPECT_EQ(child.signal, SIGQUIT);
}

// The thread that would write the dump does not exist there.
TEST(dump_signal, has_its_old_meaning_in_the_child_of_a_fork) {
  const auto child = run_in_child([] {
    setenv("WEFT_DUMP", "1", 1);
    weft::start({.procs = 2});
    const pid_t forked = fork();
    if (forked == 0) {
      kill(getpid(), SIGQUIT);
      for (;;) {
        pause();
      }
    }
    int status = 0;
    waitpid(forked, &status, 0);
    weft::stop();
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT ? 5 : 1;
  });
  EXPECT_EQ(child.exit_status, 5) << child.errors;
}

TEST(leaks_at_stop, are_reported) {
  const auto child = run_in_child([] {
    setenv("WEFT_LEAKS", "0", 1);
    weft::start({.procs = 2});
    const weft::chan<int> c;
    leave_behind(c, "forgotten");
    weft::stop();
    return 5;
  });
  EXPECT_EQ(child.exit_status, 5);
  EXPECT_TRUE(contains(child.errors, "1 fiber has waited for long")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "\"forgotten\" [channel receive")) << child.errors;
}

TEST(leaks_at_stop, need_the_age) {
  const auto child = run_in_child([] {
    setenv("WEFT_LEAKS", "3600000", 1);
    weft::start({.procs = 2});
    const weft::chan<int> c;
    leave_behind(c, "young");
    weft::stop();
    return 5;
  });
  EXPECT_EQ(child.exit_status, 5);
  EXPECT_EQ(child.errors, "");
}

TEST(leaks_at_stop, need_a_number) {
  const auto child = run_in_child([] {
    setenv("WEFT_LEAKS", "soon", 1);
    weft::start({.procs = 1});
    weft::stop();
    return 5;
  });
  EXPECT_EQ(child.exit_status, 5);
  EXPECT_TRUE(contains(child.errors, "WEFT_LEAKS must be a number")) << child.errors;
}

TEST(deadlock_report, lists_everybody_and_exits_with_2) {
  const auto child = run_in_child([] {
    weft::start({.procs = 2});
    const weft::chan<int> c;
    leave_behind(c, "first");
    weft::go({.name = "second"}, [c] { weft::this_fiber::sleep_for(1h); });
    weft_testing::wait_until_waiting(wait_reason::sleep, 1);
    weft_testing::wait_until_idle();
    weft::detail::report_deadlock();
    return 0;
  });
  EXPECT_EQ(child.exit_status, 2);
  EXPECT_TRUE(child.errors.starts_with("fatal error: all fibers are asleep - deadlock!\n"))
      << child.errors;
  EXPECT_TRUE(contains(child.errors, "2 fibers: 2 waiting")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "\"first\" [channel receive on ")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "\"second\" [sleep, ")) << child.errors;
#if defined(WEFT_WITH_LIBDW) && defined(WEFT_WITH_LIBUNWIND)
  EXPECT_TRUE(contains(child.errors, "sleep_")) << child.errors;
#endif
}

}  // namespace
