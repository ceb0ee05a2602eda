// dump() and report_leaks(): what they say of whom.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "support/chan_probe.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/channel.hpp"
#include "weft/debug.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::wait_reason;
using weft_testing::wait_until_waiting;

class dump : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(dump);

std::string dumped() {
  std::ostringstream out;
  weft::dump(out);
  return out.str();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++n;
  }
  return n;
}

std::string address_of(const void* p) {
  std::ostringstream text;
  text << p;
  return text.str();
}

// The line that tells of the fiber with this name.
std::string line_of(const std::string& text, const std::string& name) {
  const auto at = text.find('"' + name + '"');
  if (at == std::string::npos) {
    return "";
  }
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

bool has_names() {
#if defined(WEFT_WITH_LIBDW) && defined(WEFT_WITH_LIBUNWIND)
  return true;
#else
  return false;
#endif
}

[[gnu::noinline]] void wait_for_a_value(weft::chan<int> c) {
  c.recv();
  asm volatile("");
}

TEST_P(dump, tells_id_name_reason_object_and_age) {
  weft::chan<int> c;
  weft::go({.name = "receiver"}, [c] { wait_for_a_value(c); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  const std::string text = dumped();
  const std::string line = line_of(text, "receiver");
  EXPECT_TRUE(line.starts_with("fiber ")) << text;
  EXPECT_TRUE(contains(line, "[channel receive on ")) << text;
  EXPECT_TRUE(contains(line, address_of(weft::detail::handle_access::core(c)))) << text;
  EXPECT_TRUE(contains(line, " ms]") || contains(line, " s]")) << text;
  EXPECT_TRUE(contains(text, "1 fiber: 1 waiting")) << text;
}

TEST_P(dump, shows_the_stack_and_where_it_was_started) {
  if (!has_names()) {
    GTEST_SKIP() << "no libunwind or no libdw";
  }
  weft::chan<int> c;
  weft::go({.name = "receiver"}, [c] { wait_for_a_value(c); });
  const int line = __LINE__ - 1;
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  const std::string text = dumped();
  EXPECT_TRUE(contains(text, "wait_for_a_value(")) << text;
  EXPECT_TRUE(contains(line_of(text, "receiver"), "started at ")) << text;
  EXPECT_TRUE(contains(line_of(text, "receiver"), "dump_test.cpp:" + std::to_string(line))) << text;
  EXPECT_FALSE(contains(text, "weft_fiber_foot")) << text;
}

// Its context is elsewhere while it is off its thread.
TEST_P(dump, shows_the_stack_of_a_fiber_that_has_locked_its_thread) {
  if (!has_names()) {
    GTEST_SKIP() << "no libunwind or no libdw";
  }
  weft::chan<int> c;
  weft::go([c] {
    weft::lock_os_thread();
    wait_for_a_value(c);
  });
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  const std::string text = dumped();
  EXPECT_TRUE(contains(text, "wait_for_a_value(")) << text;
}

TEST_P(dump, knows_where_small_closures_and_spawned_fibers_were_started) {
  if (!has_names()) {
    GTEST_SKIP() << "no libunwind or no libdw";
  }
  weft::go([] { weft::this_fiber::sleep_for(1h); });
  const int line_of_go = __LINE__ - 1;
  weft::chan<int> c;
  auto f = weft::spawn([c] { wait_for_a_value(c); });
  const int line_of_spawn = __LINE__ - 1;
  ASSERT_TRUE(wait_until_waiting(wait_reason::sleep, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  const std::string text = dumped();
  EXPECT_TRUE(contains(text, "dump_test.cpp:" + std::to_string(line_of_go))) << text;
  EXPECT_TRUE(contains(text, "dump_test.cpp:" + std::to_string(line_of_spawn))) << text;
  c.close();
  f.join();
}

TEST_P(dump, groups_equal_stacks) {
  weft::chan<int> c;
  for (int i = 0; i < 100; ++i) {
    weft::go([c] { wait_for_a_value(c); });
  }
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 100));
  const std::string text = dumped();
  EXPECT_EQ(count(text, "100 fibers [channel receive]"), 1U) << text;
  EXPECT_EQ(count(text, "  fiber "), 100U) << text;
  if (has_names()) {
    EXPECT_EQ(count(text, "wait_for_a_value("), 1U) << text;
  }
}

TEST_P(dump, tells_apart_what_fibers_wait_for) {
  weft::chan<int> c;
  weft::chan<int> d;
  weft::mutex m;
  m.lock();
  weft::go({.name = "selects"}, [c, d] {
    weft::select(weft::recv(c, [](std::optional<int>) {}), weft::send(d, 1, [] {}));
  });
  weft::go({.name = "locks"}, [&m] { const std::scoped_lock hold(m); });
  weft::go({.name = "nothing"}, [] { weft::select(); });
  auto joined = weft::spawn([] { weft::this_fiber::sleep_for(1h); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::sleep, 1));
  weft::go({.name = "joins"}, [&joined] { joined.join(); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::select, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::mutex, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::select_forever, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::join, 1));
  const std::string text = dumped();
  const std::string selects = line_of(text, "selects");
  EXPECT_TRUE(contains(selects, "[select on 0x")) << text;
  EXPECT_TRUE(contains(selects, address_of(weft::detail::handle_access::core(c)))) << text;
  EXPECT_TRUE(contains(selects, address_of(weft::detail::handle_access::core(d)))) << text;
  EXPECT_TRUE(contains(line_of(text, "locks"), "[mutex on 0x")) << text;
  EXPECT_TRUE(contains(line_of(text, "nothing"), "[select without cases, ")) << text;
  EXPECT_TRUE(contains(line_of(text, "joins"), "[join for fiber " + std::to_string(joined.id())))
      << text;
  EXPECT_TRUE(contains(text, "[sleep, ")) << text;
  m.unlock();
  weft::stop();
}

TEST_P(dump, shows_one_stack_for_a_fiber_that_runs_the_one_it_joins) {
  weft::spawn([] {
    // What it starts last runs on its own stack, unless another P was faster.
    weft::go({.name = "joiner"},
             [] { weft::spawn([] { weft::this_fiber::sleep_for(1h); }).join(); });
  }).join();
  ASSERT_TRUE(wait_until_waiting(wait_reason::sleep, 1));
  ASSERT_TRUE(wait_until_waiting(wait_reason::join, 1));
  const std::string text = dumped();
  EXPECT_TRUE(contains(text, "2 fibers: 2 waiting")) << text;
  EXPECT_TRUE(contains(line_of(text, "joiner"), "[join for ")) << text;
}

TEST_P(dump, from_a_fiber_shows_its_own_stack) {
  std::string text;
  weft::spawn({.name = "dumper"}, [&] { text = dumped(); }).join();
  EXPECT_TRUE(contains(line_of(text, "dumper"), "[running]")) << text;
  if (has_names()) {
    EXPECT_TRUE(contains(text, "dumped")) << text;
  }
}

TEST_P(dump, lists_plain_threads_that_wait) {
  weft::chan<int> c;
  std::thread waiting([c] { c.recv(); });
  ASSERT_TRUE(weft_testing::wait_until_threads_waiting(1));
  const std::string text = dumped();
  EXPECT_TRUE(contains(text, "1 plain thread waits")) << text;
  EXPECT_TRUE(contains(text, "plain thread [channel receive")) << text;
  c.close();
  waiting.join();
}

TEST_P(dump, disturbs_nobody) {
  weft::chan<int> c;
  std::atomic<int> received{0};
  for (int i = 0; i < 50; ++i) {
    weft::go([&, c] {
      while (c.recv()) {
        ++received;
      }
    });
  }
  for (int round = 0; round < 20; ++round) {
    weft_testing::wait_for_receivers(c, 50);
    EXPECT_TRUE(contains(dumped(), "50 fibers"));
    for (int i = 0; i < 50; ++i) {
      c.send(i);
    }
  }
  c.close();
  EXPECT_TRUE(weft_testing::eventually([&] { return weft_testing::live_fibers() == 0; }));
  EXPECT_EQ(received, 1000);
}

TEST_P(dump, of_many_fibers_is_complete) {
  const int many = weft_testing::under_tsan ? 1000 : weft_testing::scaled(100'000, 5000);
  weft::chan<void> c;
  for (int i = 0; i < many; ++i) {
    weft::go([c] { c.recv(); });
  }
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, many));
  const auto begin = std::chrono::steady_clock::now();
  const std::string text = dumped();
  const auto took = std::chrono::steady_clock::now() - begin;
  RecordProperty("ms", static_cast<int>(took / 1ms));
  EXPECT_EQ(count(text, "  fiber "), static_cast<std::size_t>(many));
}

TEST(dump_without_runtime, says_so) { EXPECT_TRUE(contains(dumped(), "no runtime is running")); }

class leaks : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(leaks);

TEST_P(leaks, are_those_that_wait_for_long) {
  weft::chan<int> c;
  weft::go({.name = "forgotten"}, [c] { wait_for_a_value(c); });
  ASSERT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
  std::ostringstream none;
  EXPECT_EQ(weft::report_leaks(none, 1h), 0U);
  EXPECT_EQ(none.str(), "");
  std::ostringstream some;
  EXPECT_EQ(weft::report_leaks(some, 0ms), 1U);
  EXPECT_TRUE(contains(some.str(), "1 fiber has waited for long")) << some.str();
  EXPECT_TRUE(contains(some.str(), "\"forgotten\"")) << some.str();
}

}  // namespace
