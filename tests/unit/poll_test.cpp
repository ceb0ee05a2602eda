// Polls that the compiler inserted: weft_enable_preemption().
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "support/loops.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::current_m;
using weft::detail::request_yield;
namespace plain = weft_testing::plain;
namespace polled = weft_testing::polled;

// A runtime whose slices are so long that sysmon asks nobody, or so short that it always does.
class slices {
 public:
  slices(int procs, std::chrono::nanoseconds slice) {
    weft::start({.procs = procs, .time_slice = slice});
  }
  ~slices() { weft::stop(); }
};

TEST(poll, loop_without_calls_yields_when_asked) {
  const slices long_ones(1, 24h);
  std::atomic<bool> end{false};
  weft::spawn([&] {
    weft::go([&end] { end = true; });
    request_yield(current_m());
    polled::spin_until(end);  // on one P, which nobody takes away: the poll lets the other run
  }).join();
}

TEST(poll, loop_without_calls_yields_when_its_slice_is_over) {
  const slices short_ones(1, 1ms);
  std::atomic<bool> end{false};
  std::vector<weft::fiber<std::uint64_t>> spinning;
  for (int i = 0; i < 4; ++i) {
    spinning.push_back(weft::spawn([&end] { return polled::spin_until(end); }));
  }
  weft::spawn([&end] { end = true; }).join();
  for (auto& f : spinning) {
    f.join();
  }
}

TEST(poll, results_are_those_without_polls) {
  constexpr int rounds = weft_testing::scaled(3'000'000, 300'000);
  constexpr int n = weft_testing::scaled(700, 200);
  const slices short_ones(2, 50us);
  std::vector<weft::fiber<std::uint64_t>> hashes;
  std::vector<weft::fiber<double>> traces;
  for (std::uint64_t i = 0; i < 8; ++i) {
    hashes.push_back(weft::spawn([i] { return polled::hash(i, rounds); }));
    traces.push_back(weft::spawn([] { return polled::trace_of_product(n); }));
  }
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(hashes[i].join(), plain::hash(i, rounds));
    EXPECT_EQ(traces[i].join(), plain::trace_of_product(n));
  }
}

TEST(poll, does_nothing_inside_the_runtime) {
  const slices long_ones(1, 24h);
  std::atomic<bool> other_ran{false};
  const bool ran_inside = weft::spawn([&] {
                            weft::go([&other_ran] { other_ran = true; });
                            const weft::detail::entry in;
                            request_yield(current_m());
                            polled::hash(1, 1000);
                            return other_ran.load();
                          }).join();
  EXPECT_FALSE(ran_inside);
}

TEST(poll, channels_in_polled_code_lose_nothing) {
  constexpr int items = weft_testing::scaled(20'000, 2'000);
  const slices short_ones(2, 50us);
  const weft::chan<std::vector<int>> first(4);
  const weft::chan<std::vector<int>> last;
  weft::fiber<std::uint64_t> middle = weft::spawn([=] { return polled::pass_on(first, last); });
  weft::go([first] {
    for (int i = 0; i < items; ++i) {
      first.send(std::vector<int>{i, i, i});
    }
    first.close();
  });
  int next = 0;
  for (const std::vector<int>& item : last) {
    ASSERT_EQ(item, (std::vector<int>{next, next, next}));
    ++next;
  }
  EXPECT_EQ(next, items);
  EXPECT_EQ(middle.join(), 3ULL * items * (items - 1) / 2);
}

TEST(poll, does_nothing_on_a_plain_thread) {
  weft::detail::preempt_wanted = 1;
  EXPECT_EQ(polled::hash(3, 1000), plain::hash(3, 1000));
  weft::detail::preempt_wanted = 0;
}

}  // namespace
