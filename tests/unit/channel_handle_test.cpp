// The handles of a channel, iteration, and channels between plain threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <ranges>
#include <thread>
#include <unordered_set>
#include <vector>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::chan;
using weft::recv_status;
using weft_testing::wait_for_receivers;
using weft_testing::waiting_receivers;
using weft_testing::waiting_senders;

class channel_handle : public weft_testing::on_procs {};
WEFT_ON_PROCS(channel_handle);

// Iteration ------------------------------------------------------------------------------------

static_assert(std::ranges::input_range<chan<int>>);
static_assert(std::ranges::input_range<const weft::receiver<std::unique_ptr<int>>>);

TEST_P(channel_handle, range_for_ends_when_closed_and_drained) {
  run([] {
    chan<int> c(8);
    for (int i = 1; i <= 4; ++i) {
      c.send(i);
    }
    c.close();
    int sum = 0;
    for (int v : c) {
      sum += v;
    }
    EXPECT_EQ(sum, 10);
    for (int v : c.rx()) {
      ADD_FAILURE() << v;
    }
  });
}

TEST_P(channel_handle, range_for_of_move_only_values) {
  run([] {
    chan<std::unique_ptr<int>> c(2);
    c.send(std::make_unique<int>(1));
    c.send(std::make_unique<int>(2));
    c.close();
    std::vector<std::unique_ptr<int>> taken;
    for (auto& v : c) {
      taken.push_back(std::move(v));
    }
    ASSERT_EQ(taken.size(), 2u);
    EXPECT_EQ(*taken[1], 2);
  });
}

TEST_P(channel_handle, range_composes_with_views) {
  run([] {
    chan<int> c(8);
    for (int i = 1; i <= 6; ++i) {
      c.send(i);
    }
    c.close();
    std::vector<int> even;
    std::ranges::copy_if(c, std::back_inserter(even), [](int v) { return v % 2 == 0; });
    EXPECT_EQ(even, (std::vector{2, 4, 6}));
  });
}

// Handles --------------------------------------------------------------------------------------

TEST_P(channel_handle, copies_are_handles_of_one_channel) {
  run([] {
    chan<int> a(1);
    const chan<int> b = a;
    b.send(1);
    EXPECT_EQ(a, b);
    EXPECT_NE(a, chan<int>(1));
    EXPECT_EQ(a.tx(), b.tx());
    EXPECT_EQ(a.recv(), 1);
  });
}

TEST_P(channel_handle, handles_are_keys) {
  run([] {
    chan<int> a, b;
    std::map<chan<int>, int> ordered{{a, 1}, {b, 2}};
    EXPECT_EQ(ordered[a], 1);
    EXPECT_EQ(ordered[b], 2);
    std::unordered_set<weft::receiver<int>> hashed{a, b, a};
    EXPECT_EQ(hashed.size(), 2u);
  });
}

TEST_P(channel_handle, ends_convert_implicitly) {
  run([] {
    chan<int> c(1);
    const auto produce = [](weft::sender<int> out) {
      out.send(3);
      out.close();
    };
    const auto consume = [](weft::receiver<int> in) { return in.recv(); };
    produce(c);
    EXPECT_EQ(consume(c), 3);
    EXPECT_EQ(consume(c), std::nullopt);
  });
}

TEST_P(channel_handle, ends_may_be_assigned_and_swapped) {
  run([] {
    chan<int> a(1), b(2);
    weft::receiver<int> r;
    EXPECT_EQ(r, weft::nil);
    r = a;
    EXPECT_EQ(r.capacity(), 1u);
    swap(a, b);
    EXPECT_EQ(b, chan<int>(b));
    EXPECT_EQ(r, b.rx());
    r = weft::nil;
    EXPECT_FALSE(r);
  });
}

TEST_P(channel_handle, last_handle_destroys_what_was_not_received) {
  auto value = std::make_shared<int>(1);
  run([&] {
    chan<std::shared_ptr<int>> c(5);
    for (int i = 0; i < 4; ++i) {
      c.send(value);
    }
    c.recv();
    c.recv();
    for (int i = 0; i < 3; ++i) {
      c.send(value);  // around the end of the ring
    }
    EXPECT_EQ(value.use_count(), 6);
    weft::receiver<std::shared_ptr<int>> r = c;
    c = weft::nil;
    EXPECT_EQ(value.use_count(), 6);
    r = weft::nil;
    EXPECT_EQ(value.use_count(), 1);
  });
}

TEST_P(channel_handle, values_may_be_channels) {
  run([] {
    chan<chan<int>> requests;
    auto server = weft::spawn([&] {
      int n = 0;
      for (auto& reply : requests) {
        reply.send(++n);
      }
    });
    for (int i = 1; i <= 3; ++i) {
      chan<int> reply;
      requests.send(reply);
      EXPECT_EQ(reply.recv(), i);
    }
    requests.close();
  });
}

// Plain threads --------------------------------------------------------------------------------

TEST(channel_of_threads, two_plain_threads_meet) {
  chan<int> ping, pong;
  std::jthread other([&] {
    for (int v : ping) {
      pong.send(v + 1);
    }
  });
  int v = 0;
  for (int i = 0; i < 200; ++i) {
    ping.send(v);
    v = *pong.recv();
  }
  EXPECT_EQ(v, 200);
  ping.close();
}

TEST(channel_of_threads, plain_thread_meets_fiber) {
  weft::start({.procs = 2});
  chan<int> to, from(4);
  weft::go([=] {
    for (int v : to) {
      from.send(2 * v);
    }
    from.close();
  });
  for (int i = 0; i < 100; ++i) {
    to.send(i);
    EXPECT_EQ(from.recv(), 2 * i);
  }
  to.close();
  EXPECT_EQ(from.recv(), std::nullopt);
  weft::stop();
}

TEST(channel_of_threads, plain_thread_times_out) {
  chan<int> c;
  int v = 0;
  EXPECT_EQ(c.recv_for(v, 1ms), recv_status::timeout);
  EXPECT_FALSE(c.send_for(1, 1ms));
  EXPECT_EQ(waiting_receivers(c) + waiting_senders(c), 0u);
}

TEST(channel_of_threads, close_wakes_plain_threads) {
  chan<int> c;
  std::jthread a([&] { EXPECT_EQ(c.recv(), std::nullopt); });
  std::jthread b([&] { EXPECT_EQ(c.recv(), std::nullopt); });
  wait_for_receivers(c, 2);
  c.close();
}

TEST(channel_of_threads, stop_unwinds_a_plain_thread_that_waits) {
  weft::start({.procs = 1});
  chan<int> c;
  bool unwound = false;
  std::thread waiting([&] {
    try {
      c.recv();
    } catch (const weft::unwind&) {
      unwound = true;
    }
  });
  wait_for_receivers(c);
  weft::stop();
  waiting.join();
  EXPECT_TRUE(unwound);
}

}  // namespace
