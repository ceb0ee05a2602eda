// New stacks are dozens of page faults: nobody may have to wait for them at a lock of the runtime.
#include <gtest/gtest.h>

#include <atomic>

#include "runtime/fiber/stack_testing.hpp"
#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/sync.hpp"

namespace {

namespace wd = weft::detail;

// On one P: with more, another fiber may hold the lock rightly while stacks are placed.
class stack_placing : public weft_testing::on_procs {};
INSTANTIATE_TEST_SUITE_P(, stack_placing, testing::Values(1), weft_testing::procs_name);

std::atomic<wd::lock*> watched{nullptr};
std::atomic<int> placed{0};
std::atomic<int> placed_while_held{0};

void look() noexcept {
  wd::lock* const guard = watched;
  if (guard != nullptr) {
    placed += 1;
    placed_while_held += guard->is_held() ? 1 : 0;
  }
}

// Each fiber parks on the channel, and leaves to one that has not started.
TEST_P(stack_placing, is_done_with_no_lock_held) {
  constexpr int fibers = 1000;
  wd::testing::call_before_placing(look);
  run([] {
    const weft::chan<int> channel;
    watched = &wd::handle_access::core(channel)->guard;
    weft::wait_group done;
    for (int i = 0; i < fibers; ++i) {
      done.go([&] { EXPECT_FALSE(channel.recv()); });
    }
    weft_testing::wait_for_receivers(channel, fibers);
    channel.close();
    done.wait();
    watched = nullptr;
  });
  wd::testing::call_before_placing(nullptr);
  EXPECT_GT(placed, 10);
  EXPECT_EQ(placed_while_held, 0);
}

}  // namespace
