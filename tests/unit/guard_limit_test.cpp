// Fibers on a kernel that runs out of guarded stacks: go()'s error, and options that avoid it.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <system_error>

#include "runtime/fiber/guard_testing.hpp"
#include "runtime/fiber/stack.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace {

using weft::detail::guard_kind;
using weft::detail::stack_depot;
using weft_testing::eventually;

constexpr std::size_t mappings = 4000;

// Each guard takes two mappings, and there are few.
class guard_limit : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    threads_before_ = weft_testing::thread_count();
    weft::detail::testing::force_mprotect_guards(true);
    weft::detail::testing::set_max_map_count(mappings);
  }
  void TearDown() override {
    weft::stop();
    weft_testing::expect_nothing_left(threads_before_);
    weft::detail::testing::force_mprotect_guards(false);
    weft::detail::testing::set_max_map_count(0);
  }

 private:
  int threads_before_ = 0;
};
WEFT_ON_PROCS(guard_limit);

// Fibers that wait, all at once, until they are told to go on.
class crowd {
 public:
  // True: no more could be started.
  bool grow(int most, const weft::fiber_options& options = {}) {
    try {
      for (int i = 0; i < most; ++i) {
        weft::go(options, [this] {
          wait_.recv();
          ++ended_;
        });
        ++started_;
      }
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), std::errc::not_enough_memory);
      error_ = e.what();
      return true;
    }
    return false;
  }
  void let_go() {
    if (!wait_.closed()) {
      wait_.close();
    }
    EXPECT_TRUE(eventually([this] { return ended_ == started_; })) << ended_ << " of " << started_;
  }
  int started() const { return started_; }
  const std::string& error() const { return error_; }

 private:
  weft::chan<int> wait_;
  std::atomic<int> ended_{0};
  int started_ = 0;
  std::string error_;
};

void expect_explained(const std::string& error) {
  for (const char* const part : {"vm.max_map_count is 4000", "allow_unguarded_stacks", "sysctl"}) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  }
}

void fill_and_go_on() {
  crowd all;
  EXPECT_TRUE(all.grow(mappings));
  expect_explained(all.error());
  EXPECT_GT(all.started(), static_cast<int>(mappings) / 8);
  EXPECT_LT(all.started(), static_cast<int>(mappings) / 2);
  crowd of_other_size;
  EXPECT_TRUE(of_other_size.grow(mappings, {.stack_size = 64 * 1024}));
  expect_explained(of_other_size.error());
  of_other_size.let_go();
  all.let_go();
  // What the Ps do not keep for themselves is there for all once they are idle.
  EXPECT_TRUE(eventually([] {
    crowd few;
    const bool refused = few.grow(100);
    few.let_go();
    return !refused;
  }));
}

TEST_P(guard_limit, go_on_a_thread_throws_and_says_what_to_do) {
  weft::start({.procs = GetParam()});
  fill_and_go_on();
}

TEST_P(guard_limit, go_in_a_fiber_throws_and_says_what_to_do) {
  weft::run(fill_and_go_on, {.procs = GetParam()});
}

TEST_P(guard_limit, options_may_allow_stacks_without_guards) {
  weft::start({.procs = GetParam(), .allow_unguarded_stacks = true});
  crowd all;
  EXPECT_FALSE(all.grow(mappings));
  EXPECT_FALSE(all.grow(10, {.stack_size = 64 * 1024}));
  EXPECT_EQ(stack_depot::guard(), guard_kind::none);
  all.let_go();
}

}  // namespace
