// fiber<R>: join, handles, exceptions out of fibers.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::flag;

class join : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(join);

TEST_P(join, exception_is_rethrown_with_its_type) {
  auto handle = weft::spawn([]() -> int { throw std::out_of_range("text"); });
  try {
    handle.join();
    FAIL() << "nothing thrown";
  } catch (const std::out_of_range& e) {
    EXPECT_STREQ(e.what(), "text");
  }
  EXPECT_FALSE(handle.joinable());
}

TEST_P(join, twice_is_a_logic_error) {
  auto handle = weft::spawn([] { return 1; });
  EXPECT_EQ(handle.join(), 1);
  EXPECT_THROW(handle.join(), std::logic_error);
  EXPECT_FALSE(handle.joinable());
  EXPECT_EQ(handle.id(), 0U);
}

TEST_P(join, empty_and_moved_from_are_logic_errors) {
  weft::fiber<int> empty;
  EXPECT_THROW(empty.join(), std::logic_error);
  auto handle = weft::spawn([] { return 1; });
  auto moved = std::move(handle);
  EXPECT_FALSE(handle.joinable());
  EXPECT_THROW(handle.join(), std::logic_error);
  EXPECT_EQ(moved.join(), 1);
}

TEST_P(join, destructor_waits_for_the_end) {
  flag may_end;
  bool ended = false;
  {
    auto handle = weft::spawn([&] {
      may_end.wait();
      ended = true;
    });
    weft::go([&] { may_end.set(); });
  }
  EXPECT_TRUE(ended);
}

TEST_P(join, destructor_drops_the_exception) {
  {
    auto handle = weft::spawn([] { throw std::runtime_error("dropped"); });
  }
  weft::spawn([] { auto inner = weft::spawn([] { throw 1; }); }).join();
}

TEST_P(join, assignment_joins_what_was_held) {
  std::atomic<bool> ended{false};
  auto handle = weft::spawn([&] {
    weft::this_fiber::sleep_for(1ms);
    ended = true;
  });
  handle = weft::spawn([] {});
  EXPECT_TRUE(ended);
  handle.join();
  handle = {};
}

TEST_P(join, many_from_one_fiber_in_any_order) {
  weft::spawn([] {
    std::vector<weft::fiber<int>> fibers;
    for (int i = 0; i < 300; ++i) {
      fibers.push_back(weft::spawn([i] {
        for (int k = 0; k < i % 5; ++k) {
          weft::this_fiber::yield();
        }
        return i;
      }));
    }
    for (int i = 300; i-- > 0;) {
      EXPECT_EQ(fibers[static_cast<std::size_t>(i)].join(), i);
    }
  }).join();
}

TEST_P(join, from_threads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < weft_testing::scaled(500, 100); ++i) {
        EXPECT_EQ(weft::spawn([i, t] { return i * t; }).join(), i * t);
      }
    });
  }
  for (auto& t : threads) {
    t.join();
  }
}

TEST_P(join, parks_until_the_end) {
  flag may_end;
  auto slow = weft::spawn([&] {
    may_end.wait();
    return 5;
  });
  auto joiner = weft::spawn([&] { return slow.join(); });
  EXPECT_TRUE(weft_testing::wait_until_parked(joiner.id()));
  may_end.set();
  EXPECT_EQ(joiner.join(), 5);
}

TEST_P(join, result_is_destroyed_once) {
  auto counted = std::make_shared<int>(0);
  {
    auto dropped = weft::spawn([counted] { return counted; });
  }
  EXPECT_EQ(counted.use_count(), 1);
  EXPECT_EQ(weft::spawn([counted] { return counted; }).join().use_count(), 2);
  EXPECT_EQ(counted.use_count(), 1);
}

TEST_P(join, closure_is_destroyed_before_join_returns) {
  auto counted = std::make_shared<int>(0);
  auto handle = weft::spawn([counted] {});
  handle.join();
  EXPECT_EQ(counted.use_count(), 1);
}

TEST_P(join, exception_while_destroying_handles_is_fine) {
  // The handle's destructor waits while an exception passes.
  flag may_end;
  auto outer = weft::spawn([&] {
    auto inner = weft::spawn([&] { may_end.wait(); });
    weft::go([&] { may_end.set(); });
    throw std::runtime_error("outer");
  });
  EXPECT_THROW(outer.join(), std::runtime_error);
}

TEST_P(join, ping_pong_of_joins_does_not_starve_others) {
  flag third;
  flag stop;
  auto pair = weft::spawn([&] {
    weft::go([&] { third.set(); });
    while (!third.is_set()) {
      weft::spawn([] {}).join();
    }
  });
  pair.join();
}

TEST(join_after_stop, handles_outlive_the_runtime) {
  weft::start({.procs = 2});
  auto value = weft::spawn([] { return std::string(100, 'v'); });
  auto failed = weft::spawn([]() -> int { throw std::runtime_error("kept"); });
  auto unwound = weft::spawn([] { weft::this_fiber::sleep_for(1h); });
  auto dropped = weft::spawn([] { return std::string(100, 'd'); });
  ASSERT_TRUE(weft_testing::wait_until_parked(unwound.id()));
  weft::stop();
  EXPECT_TRUE(value.joinable());
  EXPECT_EQ(value.join(), std::string(100, 'v'));
  EXPECT_THROW(failed.join(), std::runtime_error);
  EXPECT_THROW(unwound.join(), weft::unwind);
}

TEST(join_after_stop, handles_outlive_several_runtimes) {
  std::vector<weft::fiber<int>> kept;
  for (int round = 0; round < 20; ++round) {
    weft::start({.procs = 1 + round % 3});
    for (int i = 0; i < 5; ++i) {
      kept.push_back(weft::spawn([round, i] { return round * 10 + i; }));
    }
    if (round % 4 == 3) {
      kept.erase(kept.begin(), kept.begin() + 7);
    }
    weft::stop();
    if (round % 4 == 1) {
      kept.pop_back();
    }
  }
  weft::start({.procs = 2});
  for (auto& f : kept) {
    f.join();
  }
  weft::stop();
}

}  // namespace
