// How often fibers have waited, by reason, as snapshot() tells it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/debug.hpp"
#include "weft/select.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using weft::snapshot;
using weft::stats;
using weft::detail::wait_reason;
using weft_testing::wait_until_waiting;

class snapshot_parks : public weft_testing::on_procs {};
WEFT_ON_PROCS(snapshot_parks);

std::uint64_t parks(std::string_view reason) {
  const stats s = snapshot();
  const auto found = std::find_if(s.parks.begin(), s.parks.end(),
                                  [reason](const auto& count) { return count.reason == reason; });
  EXPECT_NE(found, s.parks.end()) << reason;
  return found != s.parks.end() ? found->times : 0;
}

// A fiber runs `wait`, which parks once for the reason, until `release`.
void expect_one_park(wait_reason reason, const std::function<void()>& wait,
                     const std::function<void()>& release) {
  const char* const name = weft::detail::to_string(reason);
  const std::uint64_t before = parks(name);
  weft::wait_group group;
  group.go(wait);
  EXPECT_TRUE(wait_until_waiting(reason, 1));
  EXPECT_EQ(parks(name) - before, 1U) << name;
  release();
  group.wait();
  EXPECT_EQ(parks(name) - before, reason == wait_reason::wait_group ? 2U : 1U) << name;
}

TEST_P(snapshot_parks, count_parks_by_reason) {
  run([] {
    const weft::chan<int> c;
    expect_one_park(
        wait_reason::chan_recv, [c] { c.recv(); }, [c] { c.send(1); });
    expect_one_park(
        wait_reason::chan_send, [c] { c.send(1); }, [c] { c.recv(); });
    expect_one_park(
        wait_reason::select, [c] { weft::select(recv(c), recv(c)); }, [c] { c.send(1); });
    weft::mutex m;
    m.lock();
    const auto lock_it = [&m] { const std::scoped_lock hold(m); };
    expect_one_park(wait_reason::mutex, lock_it, [&m] { m.unlock(); });
    weft::semaphore slots(0);
    expect_one_park(
        wait_reason::semaphore, [&] { slots.acquire(); }, [&] { slots.release(); });
    weft::latch opened(1);
    expect_one_park(
        wait_reason::latch, [&] { opened.wait(); }, [&] { opened.count_down(); });
    auto child = weft::spawn([c] { c.recv(); });
    EXPECT_TRUE(wait_until_waiting(wait_reason::chan_recv, 1));
    expect_one_park(
        wait_reason::join, [&] { child.join(); }, [c] { c.send(1); });
    const std::uint64_t sleeps = parks("sleep");
    weft::this_fiber::sleep_for(1us);
    EXPECT_EQ(parks("sleep"), sleeps + 1);
  });
}

TEST_P(snapshot_parks, do_not_count_waits_of_threads_and_yields) {
  run([] {
    const std::uint64_t before = parks("channel receive");
    const weft::chan<int> c;
    std::thread other([c] { c.recv(); });
    EXPECT_TRUE(weft_testing::wait_until_threads_waiting(2));  // with the one that runs this
    c.send(1);
    other.join();
    weft::this_fiber::yield();
    EXPECT_EQ(parks("channel receive"), before);
    EXPECT_EQ(parks("yield"), 0U);
  });
}

}  // namespace
