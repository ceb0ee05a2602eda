// Walks up stacks, own and parked, and where they end.
#include "runtime/machine/backtrace.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/fiber/foot.hpp"
#include "runtime/fiber/saved_frame.hpp"
#include "runtime/machine/symbols.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::backtrace;
using weft::detail::G;
using weft::detail::wait_reason;

// The functions of a backtrace, innermost first.
std::vector<std::string> functions(const backtrace& trace) {
  weft::detail::symbols names;
  std::vector<std::string> result;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    for (const auto& location : names.at(trace[i])) {
      result.push_back(location.function);
    }
  }
  return result;
}

std::ptrdiff_t place_of(const std::vector<std::string>& names, const char* part) {
  const auto found = std::find_if(names.begin(), names.end(), [part](const std::string& name) {
    return name.find(part) != std::string::npos;
  });
  return found == names.end() ? -1 : found - names.begin();
}

std::string joined(const std::vector<std::string>& names) {
  std::string result;
  for (const auto& name : names) {
    result += name + '\n';
  }
  return result;
}

bool can_name_functions() {
#if defined(WEFT_WITH_LIBDW)
  return true;
#else
  return false;
#endif
}

extern "C" [[gnu::noinline]] void weft_test_outer(void (*f)(void*), void* arg) {
  f(arg);
  asm volatile("");  // not a tail call
}

extern "C" [[gnu::noinline]] void weft_test_inner(void (*f)(void*), void* arg) {
  weft_test_outer(f, arg);
  asm volatile("");
}

void walk_here(void* out) {
  weft::detail::walk_own_stack(*static_cast<backtrace*>(out));
  asm volatile("");
}

class backtraces : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(backtraces);

TEST_P(backtraces, own_walk_ends_at_the_foot) {
  backtrace trace;
  weft::spawn([&] { weft_test_inner(walk_here, &trace); }).join();
  ASSERT_GE(trace.size(), 4U);
  EXPECT_LT(trace.size(), 30U);
  if (!can_name_functions()) {
    return;
  }
  const auto names = functions(trace);
  EXPECT_EQ(place_of(names, "walk_here"), 0) << joined(names);
  EXPECT_GT(place_of(names, "weft_test_inner"), place_of(names, "weft_test_outer"));
#if WEFT_HAS_FOOT
  EXPECT_EQ(names.back(), "weft_fiber_foot") << joined(names);
#endif
}

void sleep_long(void*) { weft::this_fiber::sleep_for(1h); }

struct parked {
  weft::detail::saved_registers registers;
  weft::detail::stack_bounds bounds;
  bool found = false;
};

// Of the one fiber that sleeps.
parked find_sleeper() {
  parked result;
  weft::detail::sched.pool.for_each(
      [](G* g, void* arg) {
        if (g->status.load() != weft::detail::g_status::waiting ||
            g->reason != wait_reason::sleep) {
          return;
        }
        auto& to = *static_cast<parked*>(arg);
        to.bounds = {reinterpret_cast<std::uintptr_t>(g->bound->limit),
                     reinterpret_cast<std::uintptr_t>(g->bound->top)};
        to.found = read_saved_frame(g->ctx.fctx, to.bounds, &to.registers);
      },
      &result);
  return result;
}

TEST_P(backtraces, parked_walk_ends_at_the_foot) {
  weft::go([] { weft_test_inner(sleep_long, nullptr); });
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 1));
  ASSERT_TRUE(weft_testing::wait_until_idle());
  const parked sleeper = find_sleeper();
  ASSERT_TRUE(sleeper.found);
  backtrace trace;
  if (!walk_with_libunwind(sleeper.registers, sleeper.bounds, trace)) {
    GTEST_SKIP() << "no libunwind";
  }
  ASSERT_GE(trace.size(), 4U);
  EXPECT_LT(trace.size(), 30U);
  if (!can_name_functions()) {
    return;
  }
  const auto names = functions(trace);
  EXPECT_GT(place_of(names, "weft_test_outer"), 0) << joined(names);
  EXPECT_GT(place_of(names, "weft_test_inner"), place_of(names, "weft_test_outer"));
  EXPECT_LT(place_of(names, "weft_test_outer") - place_of(names, "park"), 8) << joined(names);
#if WEFT_HAS_FOOT
  EXPECT_EQ(names.back(), "weft_fiber_foot") << joined(names);
#endif
}

TEST_P(backtraces, frame_pointers_stay_inside_the_stack) {
  weft::go([] { weft_test_inner(sleep_long, nullptr); });
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 1));
  ASSERT_TRUE(weft_testing::wait_until_idle());
  parked sleeper = find_sleeper();
  ASSERT_TRUE(sleeper.found);
  backtrace trace;
  walk_frame_pointers(sleeper.registers, sleeper.bounds, trace);
  EXPECT_GE(trace.size(), 1U);
  for (const std::uintptr_t wild :
       {std::uintptr_t{0}, std::uintptr_t{8}, sleeper.bounds.low - 16, sleeper.bounds.high - 8,
        sleeper.bounds.high, sleeper.bounds.high + 8, sleeper.registers.sp + 1,
        ~std::uintptr_t{7}}) {
    sleeper.registers.fp = wild;
    backtrace short_trace;
    walk_frame_pointers(sleeper.registers, sleeper.bounds, short_trace);
    EXPECT_EQ(short_trace.size(), 1U) << wild;
  }
}

TEST(backtrace_list, keeps_both_ends) {
  backtrace trace;
  for (std::uintptr_t i = 0; i < 1000; ++i) {
    trace.add(i);
  }
  EXPECT_EQ(trace.depth(), 1000U);
  EXPECT_EQ(trace.size(), 64U);
  EXPECT_EQ(trace.left_out(), 936U);
  EXPECT_EQ(trace[0], 0U);
  EXPECT_EQ(trace[47], 47U);
  EXPECT_EQ(trace[48], 984U);
  EXPECT_EQ(trace[63], 999U);
}

TEST(backtrace_list, short_ones_are_complete) {
  backtrace trace;
  for (std::uintptr_t i = 0; i < 60; ++i) {
    trace.add(i);
  }
  EXPECT_EQ(trace.size(), 60U);
  EXPECT_EQ(trace.left_out(), 0U);
  for (std::uintptr_t i = 0; i < 60; ++i) {
    EXPECT_EQ(trace[i], i);
  }
}

TEST(symbols, name_function_and_line) {
  weft::detail::symbols names;
  const auto& found = names.at(reinterpret_cast<std::uintptr_t>(&weft_test_inner) + 1);
  ASSERT_FALSE(found.empty());
  if (can_name_functions()) {
    EXPECT_EQ(found.back().function, "weft_test_inner");
    EXPECT_NE(found.back().file.find("backtrace_test.cpp"), std::string::npos) << found.back().file;
    EXPECT_GT(found.back().line, 0);
  }
}

TEST(symbols, of_no_code_is_the_address) {
  weft::detail::symbols names;
  EXPECT_EQ(names.at(0x1234).front().text(0x1234), "0x1234");
}

#if WEFT_HAS_FOOT
// What gdb says about a fiber's stack. (A debugger may be forbidden to attach: then nothing.)
TEST(debugger, backtrace_ends_at_the_foot) {
  if (std::system("gdb --version >/dev/null 2>&1") != 0 || weft_testing::sanitized) {
    GTEST_SKIP() << "no gdb";
  }
  std::string said;
  weft::run(
      [&] {
        const std::string command = "gdb -nx -batch -iex 'set debuginfod enabled off' -p " +
                                    std::to_string(getpid()) +
                                    " -ex 'thread apply all bt' 2>/dev/null";
        FILE* const gdb = popen(command.c_str(), "r");
        ASSERT_NE(gdb, nullptr);
        char line[4096];
        while (std::fgets(line, sizeof line, gdb) != nullptr) {
          said += line;
        }
        pclose(gdb);
      },
      {.procs = 1});
  if (said.find("weft_fiber_foot") == std::string::npos) {
    GTEST_SKIP() << "gdb could not attach: " << said;
  }
  const auto foot = said.find("weft_fiber_foot");
  const auto next = said.find('\n', foot);
  EXPECT_NE(said.substr(next, 2), "\n#") << said;
  EXPECT_EQ(said.find("Backtrace stopped"), std::string::npos) << said;
}
#endif

}  // namespace
