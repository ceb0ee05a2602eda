// WEFT_SCHEDTRACE: the lines, when they come, and bad values. In child processes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "support/child.hpp"
#include "support/hog.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/channel.hpp"
#include "weft/debug.hpp"
#include "weft/sync.hpp"

namespace {

using weft_testing::run_in_child;

struct trace_line {
  long ms;
  int procs, idle_procs, threads, spinning, spare, detached, global;
  std::vector<int> local;
};

// Fails the test for a line that is not one.
std::vector<trace_line> parse(const std::string& text) {
  static const std::regex form(
      "SCHED (\\d+)ms: procs=(\\d+) idleprocs=(\\d+) threads=(\\d+) spinningthreads=(\\d+) "
      "idlethreads=(\\d+) detached=(\\d+) runqueue=(\\d+) \\[([\\d ]*)\\]");
  std::vector<trace_line> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::smatch m;
    if (!std::regex_match(line, m, form)) {
      ADD_FAILURE() << line;
      continue;
    }
    const auto number = [&m](std::size_t i) { return std::stoi(m[i]); };
    lines.push_back({number(1),
                     number(2),
                     number(3),
                     number(4),
                     number(5),
                     number(6),
                     number(7),
                     number(8),
                     {}});
    std::istringstream local(m[9]);
    for (int n = 0; local >> n;) {
      lines.back().local.push_back(n);
    }
  }
  return lines;
}

// Until sysmon has written so many lines, of which the child cannot read any.
void await_lines(int count, std::chrono::milliseconds interval) {
  weft::this_fiber::sleep_for(count * interval);
}

TEST(sched_trace, comes_at_each_interval_also_while_all_is_idle) {
  // On a busy machine lines may be left out: more time then.
  bool enough = false;
  for (int wanted = 20; wanted <= 500 && !enough; wanted *= 5) {
    const auto child = run_in_child([wanted] {
      setenv("WEFT_SCHEDTRACE", "20", 1);
      weft::run([wanted] { await_lines(wanted, std::chrono::milliseconds(20)); }, {.procs = 4});
      return 5;
    });
    EXPECT_EQ(child.exit_status, 5);
    const auto lines = parse(child.errors);
    bool idle = false;
    long interval = -1;
    for (const trace_line& line : lines) {
      EXPECT_EQ(line.procs, 4);
      EXPECT_EQ(line.local.size(), 4U);
      EXPECT_GE(line.threads, 1);
      EXPECT_GT(line.ms / 20, interval) << child.errors;
      interval = line.ms / 20;
      idle |= line.idle_procs == 4;
    }
    enough = lines.size() >= 3 && idle;
  }
  EXPECT_TRUE(enough);
}

TEST(sched_trace, shows_what_is_queued_and_detached) {
  const auto child = run_in_child([] {
    setenv("WEFT_SCHEDTRACE", "1", 1);
    // A slice that is long beside a line's interval, however late sysmon is.
    weft::start({.procs = 1, .time_slice = std::chrono::milliseconds(500)});
    const weft_testing::gate g;
    weft_testing::spin_loop loop;
    weft::wait_group group;
    group.go([&] { g.pass(); });
    const bool gone =
        weft_testing::eventually([] { return weft::snapshot().threads.detached == 1; });
    group.go([&] {
      for (int i = 0; i < 7; ++i) {
        group.go([] {});
      }
      loop.run();
    });
    const bool hogged = weft_testing::eventually([] { return weft::snapshot().threads.hogs == 1; });
    loop.end();
    g.open();
    group.wait();
    weft::stop();
    return gone && hogged ? 5 : 1;
  });
  EXPECT_EQ(child.exit_status, 5);
  bool detached = false;
  bool queued = false;
  for (const trace_line& line : parse(child.errors)) {
    detached |= line.detached > 0 && line.threads > 1;
    queued |= line.local.at(0) == 7;
  }
  EXPECT_TRUE(detached) << child.errors;
  EXPECT_TRUE(queued) << child.errors;
}

TEST(sched_trace, is_silent_without_the_variable) {
  for (const char* const value : {static_cast<const char*>(nullptr), ""}) {
    const auto child = run_in_child([value] {
      value != nullptr ? setenv("WEFT_SCHEDTRACE", value, 1) : unsetenv("WEFT_SCHEDTRACE");
      weft::run([] { await_lines(3, std::chrono::milliseconds(10)); }, {.procs = 1});
      return 5;
    });
    EXPECT_EQ(child.exit_status, 5);
    EXPECT_EQ(child.errors, "");
  }
}

TEST(sched_trace, a_bad_value_is_an_error_of_start) {
  for (const char* const value : {"often", "0", "-5", "1.5", "10ms", "99999999999999999999"}) {
    const auto child = run_in_child([value] {
      setenv("WEFT_SCHEDTRACE", value, 1);
      try {
        weft::start({.procs = 1});
      } catch (const std::invalid_argument& e) {
        const std::string what = e.what();
        const bool helps = what.find("WEFT_SCHEDTRACE") != std::string::npos &&
                           what.find(value) != std::string::npos;
        unsetenv("WEFT_SCHEDTRACE");
        weft::start({.procs = 1});  // nothing was left behind
        weft::stop();
        return helps && !weft::running() ? 5 : 1;
      }
      return 2;
    });
    EXPECT_EQ(child.exit_status, 5) << value;
    EXPECT_EQ(child.errors, "") << value;
  }
}

}  // namespace
