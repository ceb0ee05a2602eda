// Stack overflow is reported; other faults are none of weft's. Each in a child process.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "support/child.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using weft_testing::child_result;
using weft_testing::run_in_child;

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++n;
  }
  return n;
}

[[gnu::noinline]] int dig_deeper(int depth) {
  volatile char frame[200];
  std::memset(const_cast<char*>(frame), depth, sizeof frame);
  return depth < 0 ? 0 : dig_deeper(depth + 1) + frame[0];
}

[[gnu::noinline]] __attribute__((no_sanitize("undefined"))) void touch_nothing() {
  volatile int* nothing = nullptr;
  asm volatile("" : "+r"(nothing));  // or the compiler knows
  *nothing = 1;
}

void in_a_fiber(void (*f)(), weft::fiber_options options = {}) {
  weft::spawn(options, [f] { f(); }).join();
}

[[gnu::noinline]] void overflow() {
  dig_deeper(0);
  asm volatile("");  // not a tail call
}

void say(const char* text) { [[maybe_unused]] const auto n = write(2, text, std::strlen(text)); }

TEST(overflow, is_reported_and_dies_by_the_signal) {
  const auto child = run_in_child([] {
    weft::start({.procs = 2});
    in_a_fiber(overflow, {.name = "digger"});
    return 0;
  });
  EXPECT_EQ(child.signal, SIGSEGV) << child.errors;
  EXPECT_TRUE(contains(child.errors, "stack overflow in fiber ")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "\"digger\"")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "262144 bytes")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "options.stack_size")) << child.errors;
#if !defined(WEFT_SANITIZE_THREAD)  // which forbids to look up names in a signal handler
  EXPECT_TRUE(contains(child.errors, "more ...")) << child.errors;
#if defined(WEFT_WITH_LIBDW)
  EXPECT_GE(count(child.errors, "dig_deeper"), 2U) << child.errors;
  EXPECT_LE(count(child.errors, "dig_deeper"), 5U) << child.errors;
  EXPECT_TRUE(contains(child.errors, "... the same 4")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "overflow_test.cpp:")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "overflow()")) << child.errors;
#endif
#endif
}

TEST(overflow, of_a_stack_of_its_own_size_names_that_size) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    in_a_fiber(overflow, {.stack_size = 64 * 1024});
    return 0;
  });
  EXPECT_EQ(child.signal, SIGSEGV) << child.errors;
  EXPECT_TRUE(contains(child.errors, "stack overflow in fiber ")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "65536 bytes")) << child.errors;
  EXPECT_TRUE(contains(child.errors, "raise the fiber_options.stack_size")) << child.errors;
}

TEST(overflow, of_small_stacks_is_reported) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1, .stack_size = 32 * 1024});
    in_a_fiber(overflow);
    return 0;
  });
  EXPECT_EQ(child.signal, SIGSEGV) << child.errors;
  EXPECT_TRUE(contains(child.errors, "32768 bytes")) << child.errors;
}

TEST(overflow, in_the_second_life_of_the_runtime_is_reported) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    weft::stop();
    weft::start({.procs = 1});
    in_a_fiber(overflow);
    return 0;
  });
  EXPECT_EQ(child.signal, SIGSEGV) << child.errors;
  EXPECT_EQ(count(child.errors, "stack overflow in fiber"), 1U) << child.errors;
}

TEST(foreign_fault, dies_by_the_signal_without_a_word) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    in_a_fiber(touch_nothing);
    return 0;
  });
  EXPECT_EQ(child.signal, SIGSEGV);
  EXPECT_EQ(child.errors, "");
}

TEST(foreign_fault, of_a_plain_thread_dies_by_the_signal) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    touch_nothing();
    return 0;
  });
  EXPECT_EQ(child.signal, SIGSEGV);
  EXPECT_EQ(child.errors, "");
}

void plain_handler(int number) {
  say(number == SIGSEGV ? "plain handler" : "wrong signal");
  _exit(7);
}

void info_handler(int number, siginfo_t* info, void* context) {
  const bool right = number == SIGSEGV && info->si_addr == nullptr && context != nullptr;
  say(right ? "info handler" : "wrong arguments");
  _exit(8);
}

void handle(void (*f)(int, siginfo_t*, void*), int flags = 0) {
  struct sigaction action {};
  action.sa_sigaction = f;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(SIGSEGV, &action, nullptr);
}

TEST(foreign_fault, goes_to_the_plain_handler_of_before) {
  const auto child = run_in_child([] {
    std::signal(SIGSEGV, plain_handler);
    weft::start({.procs = 1});
    in_a_fiber(touch_nothing);
    return 0;
  });
  EXPECT_EQ(child.exit_status, 7) << child.signal;
  EXPECT_EQ(child.errors, "plain handler");
}

TEST(foreign_fault, goes_to_the_info_handler_of_before) {
  const auto child = run_in_child([] {
    handle(info_handler);
    weft::start({.procs = 1});
    in_a_fiber(touch_nothing);
    return 0;
  });
  EXPECT_EQ(child.exit_status, 8) << child.signal;
  EXPECT_EQ(child.errors, "info handler");
}

TEST(foreign_fault, goes_to_a_handler_set_afterwards) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    handle(info_handler);
    in_a_fiber(touch_nothing);
    return 0;
  });
  EXPECT_EQ(child.exit_status, 8) << child.signal;
}

sigjmp_buf way_out;

TEST(foreign_fault, may_be_survived_by_the_handler_of_before) {
  const auto child = run_in_child([] {
    handle([](int, siginfo_t*, void*) { siglongjmp(way_out, 1); });
    weft::start({.procs = 1});
    in_a_fiber([] {
      static int i;
      for (i = 0; i < 3; ++i) {
        if (sigsetjmp(way_out, 1) == 0) {
          touch_nothing();
        }
      }
    });
    weft::stop();
    return 5;
  });
  EXPECT_EQ(child.exit_status, 5) << child.signal << child.errors;
}

struct sigaction ours;

TEST(foreign_fault, ends_though_two_handlers_pass_it_to_each_other) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    sigaction(SIGSEGV, nullptr, &ours);
    handle([](int n, siginfo_t* i, void* c) { ours.sa_sigaction(n, i, c); });
    weft::stop();
    weft::start({.procs = 1});
    in_a_fiber(touch_nothing);
    return 0;
  });
  EXPECT_EQ(child.signal, SIGSEGV) << child.errors;
}

TEST(fault_handler, is_there_from_start_to_stop) {
  const auto child = run_in_child([] {
    std::signal(SIGSEGV, plain_handler);
    std::signal(SIGBUS, SIG_IGN);
    weft::start({.procs = 1});
    struct sigaction now {};
    sigaction(SIGSEGV, nullptr, &now);
    if (now.sa_handler == plain_handler) {
      return 1;
    }
    weft::stop();
    sigaction(SIGSEGV, nullptr, &now);
    if (now.sa_handler != plain_handler) {
      return 2;
    }
    sigaction(SIGBUS, nullptr, &now);
    return now.sa_handler == SIG_IGN ? 0 : 3;
  });
  EXPECT_EQ(child.exit_status, 0) << child.signal;
}

TEST(fault_handler, of_the_program_set_meanwhile_stays) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    std::signal(SIGSEGV, plain_handler);
    weft::stop();
    struct sigaction now {};
    sigaction(SIGSEGV, nullptr, &now);
    return now.sa_handler == plain_handler ? 0 : 1;
  });
  EXPECT_EQ(child.exit_status, 0) << child.signal;
}

TEST(fault_handler, leaves_a_sent_signal_its_effect) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    in_a_fiber([] {
      kill(getpid(), SIGSEGV);
      for (;;) {
        pause();
      }
    });
    return 0;
  });
  EXPECT_EQ(child.signal, SIGSEGV);
  EXPECT_EQ(child.errors, "");
}

TEST(fault_handler, ignores_a_sent_signal_that_was_ignored) {
  const auto child = run_in_child([] {
    std::signal(SIGSEGV, SIG_IGN);
    weft::start({.procs = 1});
    in_a_fiber([] { raise(SIGSEGV); });
    weft::stop();
    return 6;
  });
  EXPECT_EQ(child.exit_status, 6) << child.signal;
}

}  // namespace
