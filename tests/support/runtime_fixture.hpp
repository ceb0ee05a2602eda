// A running runtime for each test, with 1, 2, 4 and 8 Ps; and looks inside it.
//
//   class mutex : public weft_testing::per_procs {};
//   WEFT_TEST_PER_PROCS(mutex);
//   TEST_P(mutex, lock_excludes_others) { ... }
//
// The fixture starts the runtime before each test and stops it afterwards; then nothing may be
// left: no fiber, no thread of the runtime.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "weft/detail/wait_reason.hpp"
#include "weft/go.hpp"

namespace weft_testing {

#if defined(WEFT_SANITIZE_ADDRESS)
inline constexpr bool under_asan = true;
#else
inline constexpr bool under_asan = false;
#endif
#if defined(WEFT_SANITIZE_THREAD)
inline constexpr bool under_tsan = true;
#else
inline constexpr bool under_tsan = false;
#endif
inline constexpr bool sanitized = under_asan || under_tsan;

// `full` normally; `small` where a sanitizer makes everything slower and rarer.
constexpr int scaled(int full, int small) { return sanitized ? small : full; }

// Threads of this process, ours and others.
int thread_count();

// Waits (yielding) until the condition holds; false after a generous limit, so that a test fails
// instead of hanging. From fibers and threads. Not for ordering events: for things that must
// happen by themselves.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds limit = std::chrono::seconds(30));

// Fibers that exist, and those that wait for this reason.
int live_fibers();
int fibers_waiting(weft::detail::wait_reason reason);

// Until the fiber waits (for any reason); until `count` fibers wait for the reason.
bool wait_until_parked(weft::fiber_id id);
bool wait_until_waiting(weft::detail::wait_reason reason, int count);

// Until `count` plain threads wait inside weft.
bool wait_until_threads_waiting(int count);

// Until every P is idle: nothing runs and nothing is runnable.
bool wait_until_idle();

// For what happens when a deadline passes while something else is so: a busy machine may delay that
// beyond any fixed one. Calls attempt(patience) with ever longer ones until it returns true, which
// says that the deadline had not passed too early. What it checks must hold in either case.
void with_enough_patience(const std::function<bool(std::chrono::milliseconds)>& attempt);

// Set by one, awaited by others: for tests of what runs below channels.
class flag {
 public:
  void set() { set_.store(true, std::memory_order_release); }
  bool is_set() const { return set_.load(std::memory_order_acquire); }
  // Yields until it is set. From fibers and threads; fails the test after a generous limit.
  void wait() const;

 private:
  std::atomic<bool> set_{false};
};

// Nothing of the runtime is left after stop().
void expect_nothing_left(int threads_before);

class per_procs : public testing::TestWithParam<int> {
 protected:
  void SetUp() override;
  void TearDown() override;
  int procs() const { return GetParam(); }

 private:
  int threads_before_ = 0;
};

std::string procs_name(const testing::TestParamInfo<int>& info);

#define WEFT_TEST_PER_PROCS(fixture) \
  INSTANTIATE_TEST_SUITE_P(procs, fixture, testing::Values(1, 2, 4, 8), weft_testing::procs_name)

}  // namespace weft_testing
