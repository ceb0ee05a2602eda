// Tests whose body is the main fiber, once for each of several numbers of Ps.
//
//   class channel : public weft_testing::on_procs {};
//   WEFT_ON_PROCS(channel);
//   TEST_P(channel, does_this) { run([] { ... }); }
//
// When run() returns, fibers that still wait have been unwound, and nothing may be left.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace weft_testing {

class on_procs : public testing::TestWithParam<int> {
 protected:
  template <class F>
  void run(F&& body) {
    const int threads_before = thread_count();
    weft::run(std::forward<F>(body), {.procs = GetParam()});
    expect_nothing_left(threads_before);
  }
};

}  // namespace weft_testing

#define WEFT_ON_PROCS(suite) \
  INSTANTIATE_TEST_SUITE_P(, suite, testing::Values(1, 2, 4, 8), weft_testing::procs_name)
