#include "weft/single_flight.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/sync_support.hpp"
#include "weft/channel.hpp"
#include "weft/debug.hpp"
#include "weft/time.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft_testing;
using weft::detail::wait_reason;

class single_flight : public per_procs {};
WEFT_TEST_PER_PROCS(single_flight);

TEST_P(single_flight, calls_at_the_same_time_share_one_result) {
  weft::single_flight<std::string, std::string> flights;
  std::atomic<int> calls{0};
  flag running;
  flag may_end;
  auto first = weft::spawn([&] {
    const auto [value, shared] = flights.call("k", [&] {
      ++calls;
      running.set();
      may_end.wait();
      return std::string("v");
    });
    EXPECT_EQ(value, "v");
    EXPECT_TRUE(shared);
  });
  running.wait();
  const auto ask = [&](int) {
    const auto [value, shared] = flights.call("k", [&] {
      ++calls;
      return std::string("other");
    });
    EXPECT_EQ(value, "v");
    EXPECT_TRUE(shared);
  };
  auto fibers = spawn_many(5, ask);
  auto threads = thread_many(2, ask);
  ASSERT_TRUE(wait_until_waiting(wait_reason::single_flight, 5));
  ASSERT_TRUE(wait_until_threads_waiting(2));
  may_end.set();
  first.join();
  join_all(fibers);
  threads.clear();
  EXPECT_EQ(calls, 1);
}

TEST_P(single_flight, is_not_a_cache) {
  in_fiber([] {
    weft::single_flight<int, int> flights;
    int calls = 0;
    for (int i = 1; i <= 3; ++i) {
      const auto [value, shared] = flights.call(0, [&] { return ++calls; });
      EXPECT_EQ(value, i);
      EXPECT_FALSE(shared);
    }
  });
}

TEST_P(single_flight, keys_do_not_wait_for_each_other) {
  in_fiber([] {
    weft::single_flight<int, int> flights;
    const auto outer = flights.call(1, [&] { return flights.call(2, [] { return 5; }).value; });
    EXPECT_EQ(outer.value, 5);
  });
}

TEST_P(single_flight, exception_reaches_all) {
  weft::single_flight<int, int> flights;
  flag running;
  flag may_end;
  std::atomic<int> caught{0};
  const auto ask = [&](bool first) {
    try {
      flights.call(1, [&]() -> int {
        if (first) {
          running.set();
          may_end.wait();
        }
        throw std::runtime_error("broken");
      });
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "broken");
      ++caught;
    }
  };
  auto first = weft::spawn([&] { ask(true); });
  running.wait();
  auto rest = spawn_many(4, [&](int) { ask(false); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::single_flight, 4));
  may_end.set();
  first.join();
  join_all(rest);
  EXPECT_EQ(caught, 5);
}

TEST_P(single_flight, forget_lets_the_next_call_begin) {
  weft::single_flight<int, int> flights;
  flag running;
  flag may_end;
  auto first = weft::spawn([&] {
    const auto r = flights.call(1, [&] {
      running.set();
      may_end.wait();
      return 1;
    });
    EXPECT_EQ(r.value, 1);
  });
  running.wait();
  flights.forget(1);
  in_fiber([&] { EXPECT_EQ(flights.call(1, [] { return 2; }).value, 2); });
  may_end.set();
  first.join();
  in_fiber([&] { EXPECT_EQ(flights.call(1, [] { return 3; }).value, 3); });
}

TEST_P(single_flight, stop_unwinds_the_caller_and_who_waits) {
  weft::single_flight<int, int> flights;
  weft::chan<int> never;
  ending of_caller{};
  ending of_waiter{};
  weft::go(
      [&] { note_ending(of_caller, [&] { flights.call(1, [&] { return *never.recv(); }); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  weft::go([&] { note_ending(of_waiter, [&] { flights.call(1, [] { return 2; }); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::single_flight, 1));
  weft::stop();
  EXPECT_EQ(of_caller, ending::unwound);
  EXPECT_EQ(of_waiter, ending::unwound);
}

std::uint64_t waits_for_mutexes() {
  for (const auto& park : weft::snapshot().parks) {
    if (park.reason == weft::detail::to_string(wait_reason::mutex)) {
      return park.times;
    }
  }
  return 0;
}

// On a plain thread it can be made to take its time, inside call(), where the others have to wait.
struct slow_hash {
  static inline std::atomic<bool> slow{false};
  static inline std::atomic<bool> here{false};
  std::size_t operator()(int key) const {
    while (slow && !weft::this_fiber::is_fiber()) {
      here = true;
      std::this_thread::yield();
    }
    return static_cast<std::size_t>(key);
  }
};

// Or the key would be in use for ever.
TEST_P(single_flight, call_that_stop_ends_is_over_though_others_are_inside) {
  weft::single_flight<int, int, slow_hash> flights;
  weft::chan<int> never;
  weft::go([&] { flights.call(1, [&] { return *never.recv(); }); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  slow_hash::here = false;
  slow_hash::slow = true;
  std::thread inside([&] { EXPECT_EQ(flights.call(2, [] { return 2; }).value, 2); });
  EXPECT_TRUE(eventually([] { return slow_hash::here.load(); }));
  const std::uint64_t before = waits_for_mutexes();
  const weft::timer pending(1h);  // stop() is patient while there is one
  std::thread stopper([] { weft::stop(); });
  // Until its wait has been ended, and what it does then is done or waits again.
  EXPECT_TRUE(eventually([&] { return live_fibers() == 0 || waits_for_mutexes() > before + 1; }));
  slow_hash::slow = false;
  inside.join();
  stopper.join();
  weft::start({.procs = procs()});
  flag called;
  weft::go([&] {
    EXPECT_EQ(flights.call(1, [] { return 3; }).value, 3);
    called.set();
  });
  EXPECT_TRUE(eventually([&] { return called.is_set(); }));
  weft::stop();
}

}  // namespace
