// What happens to exceptions that nobody catches, and to std::terminate(). Each in a child process.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>
#include <unwind.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

#include "support/child.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::child_result;
using weft_testing::run_in_child;

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// Runs f as a detached fiber called "broken" and waits for what comes of it.
child_result run_detached(void (*f)()) {
  return run_in_child([f] {
    weft::start({.procs = 2});
    weft::go({.name = "broken"}, [f] { f(); });
    weft::this_fiber::sleep_for(1h);
    return 0;
  });
}

void expect_report(const child_result& child, const char* type, const char* what) {
  EXPECT_EQ(child.signal, SIGABRT) << child.errors;
  EXPECT_TRUE(contains(child.errors, "an exception left the detached fiber ")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "\"broken\"")) << child.errors;
  EXPECT_TRUE(contains(child.errors, type)) << child.errors;
  EXPECT_TRUE(contains(child.errors, what)) << child.errors;
}

// Functions that the backtrace must name, with their file.
void expect_frame([[maybe_unused]] const child_result& child,
                  [[maybe_unused]] const char* function) {
#if defined(WEFT_WITH_LIBDW) && defined(__x86_64__)
  EXPECT_TRUE(contains(child.errors, function)) << child.errors;
  EXPECT_TRUE(contains(child.errors, "uncaught_test.cpp:")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "  #0 ")) << child.errors;
#endif
}

struct local {
  ~local() { std::fputs("unwound", stderr); }
};

[[gnu::noinline]] void throw_error() {
  const local l;
  throw std::runtime_error("the reason");
}

[[gnu::noinline]] void call_thrower() {
  throw_error();
  asm volatile("");
}

TEST(uncaught, exception_of_a_detached_fiber_is_reported_where_it_was_thrown) {
  const auto child = run_detached(call_thrower);
  expect_report(child, "std::runtime_error", "what(): the reason");
  expect_frame(child, "throw_error()");
  expect_frame(child, "call_thrower()");
  EXPECT_FALSE(contains(child.errors, "unwound")) << child.errors;
  EXPECT_FALSE(contains(child.errors, "__cxa_throw")) << child.errors;
}

TEST(uncaught, exception_that_is_no_std_exception_is_reported) {
  expect_report(run_detached([] { throw 42; }), "type:   int\n", "Thrown at:");
  expect_report(run_detached([] { throw "some text"; }), "char const*", "what(): some text");
  expect_report(run_detached([] { throw std::string("a string"); }), "std::", "what(): a string");
}

TEST(uncaught, exception_thrown_again_is_reported) {
  expect_report(run_detached([] {
                  try {
                    throw std::logic_error("first");
                  } catch (...) {
                    throw;
                  }
                }),
                "std::logic_error", "what(): first");
  expect_report(run_detached([] {
                  std::exception_ptr kept;
                  try {
                    throw std::logic_error("kept");
                  } catch (...) {
                    kept = std::current_exception();
                  }
                  std::rethrow_exception(kept);
                }),
                "std::logic_error", "what(): kept");
}

TEST(uncaught, exception_thrown_while_another_is_handled_is_reported) {
  expect_report(run_detached([] {
                  try {
                    throw 1;
                  } catch (int) {
                    throw std::logic_error("second");
                  }
                }),
                "std::logic_error", "what(): second");
}

TEST(uncaught, exception_after_a_wait_on_another_stack_depth_is_reported) {
  expect_report(run_detached([] {
                  weft::this_fiber::sleep_for(1ms);
                  weft::go([] {});
                  weft::this_fiber::yield();
                  call_thrower();
                }),
                "std::runtime_error", "the reason");
}

// A fiber that ran before on the same stack must not have left anything behind.
TEST(uncaught, exception_of_the_second_fiber_on_a_stack_is_reported) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    weft::spawn([] {
      weft::go([] {});
      weft::go({.name = "broken"}, [] { call_thrower(); });
    }).join();
    weft::this_fiber::sleep_for(1h);
    return 0;
  });
  expect_report(child, "std::runtime_error", "the reason");
}

struct foreign_exception {
  _Unwind_Exception head;
};

TEST(uncaught, exception_of_another_language_is_reported) {
  const auto child = run_detached([] {
    static foreign_exception e{};
    std::memcpy(&e.head.exception_class, "TSURWEFT", 8);
    _Unwind_RaiseException(&e.head);
  });
  expect_report(child, "not of C++", "TFEWRUST");
}

TEST(uncaught, end_of_the_thread_in_a_fiber_is_reported) {
  if (weft_testing::under_tsan) {
    GTEST_SKIP() << "ThreadSanitizer's pthread_exit knows no fibers";
  }
  expect_report(run_detached([] { pthread_exit(nullptr); }), "pthread_exit", "broken");
}

TEST(uncaught, exception_of_a_spawned_fiber_is_its_joiner_s) {
  const auto child = run_in_child([] {
    weft::start({.procs = 2});
    auto f = weft::spawn(call_thrower);
    try {
      f.join();
    } catch (const std::runtime_error&) {
      weft::stop();
      return 5;
    }
    return 0;
  });
  EXPECT_EQ(child.exit_status, 5);
  EXPECT_EQ(child.errors, "unwound");
}

TEST(uncaught, unwind_at_stop_is_no_error) {
  const auto child = run_in_child([] {
    weft::start({.procs = 2});
    weft::go([] {
      const local l;
      weft::this_fiber::sleep_for(1h);
    });
    weft_testing::wait_until_waiting(weft::detail::wait_reason::sleep, 1);
    weft::stop();
    return 5;
  });
  EXPECT_EQ(child.exit_status, 5);
  EXPECT_EQ(child.errors, "unwound");
}

[[gnu::noinline]] void promise_not_to_throw() noexcept {
  call_thrower();
  asm volatile("");
}

TEST(terminate, at_a_noexcept_function_names_the_fiber) {
  const auto child = run_detached(promise_not_to_throw);
  EXPECT_EQ(child.signal, SIGABRT);
  EXPECT_TRUE(contains(child.errors, "std::terminate() in fiber ")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "\"broken\"")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "the reason")) << child.errors;  // says libstdc++
  expect_frame(child, "promise_not_to_throw()");
}

TEST(terminate, in_a_spawned_fiber_names_it_too) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    weft::spawn({.name = "broken"}, promise_not_to_throw).join();
    return 0;
  });
  EXPECT_EQ(child.signal, SIGABRT);
  EXPECT_TRUE(contains(child.errors, "std::terminate() in fiber ")) << child.errors;
}

TEST(terminate, goes_on_to_the_handler_of_before) {
  const auto child = run_in_child([] {
    std::set_terminate([] { _exit(9); });
    weft::start({.procs = 1});
    weft::spawn({.name = "broken"}, promise_not_to_throw).join();
    return 0;
  });
  EXPECT_EQ(child.exit_status, 9);
  EXPECT_TRUE(contains(child.errors, "\"broken\"")) << child.errors;
}

TEST(terminate, on_a_plain_thread_is_left_alone) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    std::set_terminate(std::get_terminate());
    promise_not_to_throw();
    return 0;
  });
  EXPECT_EQ(child.signal, SIGABRT);
  EXPECT_FALSE(contains(child.errors, "weft")) << child.errors;
}

TEST(terminate, handler_of_the_program_is_back_after_stop) {
  const auto before = std::get_terminate();
  weft::start({.procs = 1});
  weft::stop();
  EXPECT_EQ(std::get_terminate(), before);
}

}  // namespace
