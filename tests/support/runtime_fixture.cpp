#include "support/runtime_fixture.hpp"

#include <filesystem>
#include <mutex>
#include <thread>

#include "runtime/scheduler/scheduler.hpp"

namespace weft_testing {

namespace {

using weft::detail::G;
using weft::detail::g_status;
using weft::detail::sched;
using weft::detail::wait_reason;

// Statuses are read without order: good for waiting until something is so.
struct census {
  wait_reason reason = wait_reason::none;
  weft::fiber_id id = 0;
  int live = 0;
  int waiting = 0;
  bool parked = false;
};

[[gnu::no_sanitize("thread")]] void count_fiber(G* g, void* arg) {
  census& c = *static_cast<census*>(arg);
  const g_status status = g->status.load(std::memory_order_acquire);
  if (status == g_status::idle || status == g_status::ended) {
    return;
  }
  ++c.live;
  if (status == g_status::waiting) {
    c.waiting += g->reason == c.reason;
    c.parked |= g->id == c.id;
  }
}

census take_census(census c) {
  sched.pool.for_each(count_fiber, &c);
  return c;
}

void let_others_run() {
  weft::this_fiber::yield();
  if (!weft::this_fiber::is_fiber()) {
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

}  // namespace

int thread_count() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    count += !entry.path().empty();
  }
  return count;
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    let_others_run();
  }
  return true;
}

int live_fibers() { return take_census({}).live; }

int fibers_waiting(wait_reason reason) { return take_census({.reason = reason}).waiting; }

bool wait_until_parked(weft::fiber_id id) {
  return eventually([id] { return take_census({.id = id}).parked; });
}

bool wait_until_waiting(wait_reason reason, int count) {
  return eventually([=] { return fibers_waiting(reason) >= count; });
}

bool wait_until_threads_waiting(int count) {
  return eventually([count] {
    int waiting = 0;
    weft::detail::for_each_stand_in(
        [](G* g, void* arg) { *static_cast<int*>(arg) += g->status.load() == g_status::waiting; },
        &waiting);
    return waiting >= count;
  });
}

bool wait_until_idle() {
  return eventually([] {
    return sched.idle.idle_count.load() == sched.proc_count.load() && sched.global.empty();
  });
}

void with_enough_patience(const std::function<bool(std::chrono::milliseconds)>& attempt) {
  constexpr std::chrono::milliseconds longest = std::chrono::seconds(10);
  for (std::chrono::milliseconds patience(10); !attempt(patience); patience *= 2) {
    if (patience > longest) {
      ADD_FAILURE() << "its deadline passed too early every time";
      return;
    }
  }
}

void flag::wait() const {
  if (!eventually([this] { return is_set(); })) {
    ADD_FAILURE() << "waited in vain for a flag";
  }
}

void expect_nothing_left(int threads_before) {
  EXPECT_FALSE(weft::running());
  EXPECT_EQ(weft::procs(), 0);
  EXPECT_EQ(live_fibers(), 0);
  // The kernel lets go of a joined thread a moment later.
  // ThreadSanitizer starts a thread of its own with the first of ours.
  const int allowed = threads_before + (under_tsan ? 1 : 0);
  EXPECT_TRUE(eventually([=] { return thread_count() <= allowed; })) << thread_count();
}

void per_procs::SetUp() {
  threads_before_ = thread_count();
  weft::start({.procs = procs()});
}

void per_procs::TearDown() {
  weft::stop();
  expect_nothing_left(threads_before_);
}

std::string procs_name(const testing::TestParamInfo<int>& info) {
  return "p" + std::to_string(info.param);
}

}  // namespace weft_testing
