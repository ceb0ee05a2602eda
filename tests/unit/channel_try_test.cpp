// chan: operations that do not wait, that wait until a deadline, and that wait in vain.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::chan;
using weft::recv_status;
using weft_testing::wait_for_receivers;
using weft_testing::wait_for_senders;
using weft_testing::waiting_receivers;
using weft_testing::waiting_senders;

class channel_try : public weft_testing::on_procs {};
WEFT_ON_PROCS(channel_try);

// A far time: a test that gets there has failed.
weft::clock::time_point far() { return weft::clock::now() + 60s; }
weft::clock::time_point past() { return weft::clock::now() - 1s; }

// Operations that do not wait ------------------------------------------------------------------

TEST_P(channel_try, try_recv_of_an_empty_channel_says_so) {
  run([] {
    chan<int> unbuffered, buffered(2);
    int v = 5;
    EXPECT_EQ(unbuffered.try_recv(v), recv_status::empty);
    EXPECT_EQ(buffered.try_recv(v), recv_status::empty);
    EXPECT_EQ(v, 5);
  });
}

TEST_P(channel_try, try_recv_takes_what_is_there_and_then_says_closed) {
  run([] {
    chan<int> c(2);
    c.send(1);
    c.close();
    int v = 0;
    EXPECT_EQ(c.try_recv(v), recv_status::ok);
    EXPECT_EQ(v, 1);
    EXPECT_EQ(c.try_recv(v), recv_status::closed);
  });
}

TEST_P(channel_try, try_send_needs_a_receiver_or_room) {
  run([] {
    chan<int> unbuffered, buffered(1);
    EXPECT_FALSE(unbuffered.try_send(1));
    EXPECT_TRUE(buffered.try_send(1));
    EXPECT_FALSE(buffered.try_send(2));
    EXPECT_EQ(buffered.recv(), 1);
  });
}

TEST_P(channel_try, try_send_gives_to_a_waiting_receiver) {
  run([] {
    chan<int> c;
    auto f = weft::spawn([&] { return *c.recv(); });
    wait_for_receivers(c);
    EXPECT_TRUE(c.try_send(3));
    EXPECT_EQ(f.join(), 3);
  });
}

TEST_P(channel_try, try_recv_takes_from_a_waiting_sender) {
  run([] {
    chan<int> c;
    auto f = weft::spawn([&] { c.send(4); });
    wait_for_senders(c);
    int v = 0;
    EXPECT_EQ(c.try_recv(v), recv_status::ok);
    EXPECT_EQ(v, 4);
    f.join();
  });
}

TEST_P(channel_try, try_send_moves_from_the_value_only_on_success) {
  run([] {
    chan<std::unique_ptr<int>> c(1);
    auto v = std::make_unique<int>(1);
    EXPECT_TRUE(c.try_send(v));
    EXPECT_EQ(v, nullptr);
    v = std::make_unique<int>(2);
    EXPECT_FALSE(c.try_send(v));
    EXPECT_FALSE(c.try_send(std::move(v)));
    ASSERT_NE(v, nullptr);
    EXPECT_EQ(*v, 2);
  });
}

TEST_P(channel_try, try_send_takes_constants) {
  run([] {
    chan<std::string> c(1);
    const std::string v = "constant";
    EXPECT_TRUE(c.try_send(v));
    EXPECT_EQ(v, "constant");
    EXPECT_EQ(c.recv(), "constant");
  });
}

// Deadlines ------------------------------------------------------------------------------------

TEST_P(channel_try, recv_until_times_out) {
  run([] {
    chan<int> c;
    int v = 5;
    const auto deadline = weft::clock::now() + 2ms;
    EXPECT_EQ(c.recv_until(v, deadline), recv_status::timeout);
    EXPECT_GE(weft::clock::now(), deadline);
    EXPECT_EQ(c.recv_for(v, 1ms), recv_status::timeout);
    EXPECT_EQ(v, 5);
  });
}

TEST_P(channel_try, send_until_times_out_and_leaves_the_value) {
  run([] {
    chan<std::unique_ptr<int>> c;
    auto v = std::make_unique<int>(1);
    EXPECT_FALSE(c.send_until(v, weft::clock::now() + 2ms));
    EXPECT_FALSE(c.send_for(v, 1ms));
    ASSERT_NE(v, nullptr);
    EXPECT_EQ(*v, 1);
  });
}

TEST_P(channel_try, passed_deadline_does_not_stop_what_can_go_on_at_once) {
  run([] {
    chan<int> c(1);
    EXPECT_TRUE(c.send_until(1, past()));
    int v = 0;
    EXPECT_EQ(c.recv_until(v, past()), recv_status::ok);
    EXPECT_EQ(v, 1);
    EXPECT_TRUE(c.send_for(2, -1s));
    EXPECT_EQ(c.recv_for(v, 0s), recv_status::ok);
  });
}

TEST_P(channel_try, passed_deadline_times_out_at_once) {
  run([] {
    chan<int> c;
    int v = 0;
    EXPECT_EQ(c.recv_until(v, past()), recv_status::timeout);
    EXPECT_EQ(c.recv_until(v, weft::clock::time_point::min()), recv_status::timeout);
    EXPECT_FALSE(c.send_until(1, past()));
    EXPECT_FALSE(c.send_for(1, 0s));
  });
}

TEST_P(channel_try, timed_operations_meet_in_time) {
  run([] {
    chan<int> c;
    auto f = weft::spawn([&] { return c.send_until(6, far()); });
    int v = 0;
    EXPECT_EQ(c.recv_until(v, far()), recv_status::ok);
    EXPECT_EQ(v, 6);
    EXPECT_TRUE(f.join());
  });
}

TEST_P(channel_try, timed_operations_end_with_the_close) {
  run([] {
    chan<int> c, full(1);
    full.send(0);
    auto receiving = weft::spawn([&] {
      int v = 0;
      return c.recv_until(v, far());
    });
    auto sending = weft::spawn([&] { return full.send_for(1, 60s); });
    wait_for_receivers(c);
    wait_for_senders(full);
    c.close();
    full.close();
    EXPECT_EQ(receiving.join(), recv_status::closed);
    EXPECT_THROW(sending.join(), weft::closed_channel);
  });
}

TEST_P(channel_try, no_deadline_is_the_end_of_time) {
  run([] {
    chan<int> c;
    auto f = weft::spawn([&] { return c.send_until(1, weft::clock::time_point::max()); });
    wait_for_senders(c);
    int v = 0;
    EXPECT_EQ(c.recv_for(v, weft::duration::max()), recv_status::ok);
    EXPECT_TRUE(f.join());
  });
}

TEST_P(channel_try, receiver_that_timed_out_takes_no_value) {
  run([] {
    chan<int> c;
    int v = 0;
    EXPECT_EQ(c.recv_for(v, 1ms), recv_status::timeout);
    EXPECT_FALSE(c.try_send(1));
    EXPECT_EQ(waiting_receivers(c), 0u);
  });
}

TEST_P(channel_try, sender_that_timed_out_gives_no_value) {
  run([] {
    chan<int> c(1);
    c.send(0);
    EXPECT_FALSE(c.send_for(1, 1ms));
    EXPECT_EQ(waiting_senders(c), 0u);
    EXPECT_EQ(c.recv(), 0);
    int v = 0;
    EXPECT_EQ(c.try_recv(v), recv_status::empty);
  });
}

TEST_P(channel_try, others_keep_their_places_when_one_times_out) {
  run([] {
    weft_testing::with_enough_patience([](auto patience) {
      chan<int> c;
      auto a = weft::spawn([&] { return c.recv(); });
      wait_for_receivers(c, 1);
      weft_testing::flag over;
      auto b = weft::spawn([&] {
        int v;
        EXPECT_EQ(c.recv_for(v, patience), recv_status::timeout);
        over.set();
      });
      const auto in_line = [&](std::size_t n) {
        bool seen = false;
        weft_testing::eventually([&] {
          seen = waiting_receivers(c) == n;
          return seen || over.is_set();
        });
        return seen;
      };
      bool in_time = in_line(2);
      auto d = weft::spawn([&] { return c.recv(); });
      in_time = in_line(3) && in_time;
      b.join();
      EXPECT_TRUE(weft_testing::eventually([&] { return waiting_receivers(c) == 2; }));
      EXPECT_TRUE(c.try_send(1));
      EXPECT_TRUE(c.try_send(2));
      c.close();
      EXPECT_EQ(a.join(), 1);
      EXPECT_EQ(d.join(), 2);
      return in_time;
    });
  });
}

// nil ------------------------------------------------------------------------------------------

TEST_P(channel_try, nil_never_is_ready) {
  run([] {
    chan<int> c = weft::nil;
    int v = 0;
    EXPECT_FALSE(c.try_send(1));
    EXPECT_EQ(c.try_recv(v), recv_status::empty);
    EXPECT_FALSE(c.send_for(1, 1ms));
    EXPECT_EQ(c.recv_for(v, 1ms), recv_status::timeout);
    EXPECT_EQ(c.size(), 0u);
    EXPECT_EQ(c.capacity(), 0u);
    EXPECT_FALSE(c.closed());
  });
}

TEST_P(channel_try, moved_from_handle_is_nil) {
  run([] {
    chan<int> a(1);
    chan<int> b = std::move(a);
    EXPECT_EQ(a, weft::nil);
    EXPECT_TRUE(b.try_send(1));
    EXPECT_FALSE(a.try_send(1));
  });
}

// Stop -----------------------------------------------------------------------------------------

TEST_P(channel_try, stop_unwinds_who_waits) {
  std::atomic<int> unwound = 0;
  const auto wait = [&unwound](auto operation) {
    weft::go([&unwound, operation] {
      struct guard {
        std::atomic<int>& n;
        ~guard() { ++n; }
      } g{unwound};
      operation();
      ADD_FAILURE() << "the wait returned";
    });
  };
  run([&] {
    chan<std::string> c, full(1), never = weft::nil;
    full.send("");
    wait([c] { c.recv(); });
    wait([full] { full.send("lost"); });
    wait([never] { never.send("lost"); });
    wait([never] { never.recv(); });
    wait([c] {
      std::string s;
      c.recv_until(s, far());
    });
    wait_for_receivers(c, 2);
    wait_for_senders(full);
  });
  EXPECT_EQ(unwound, 5);
}

TEST_P(channel_try, value_of_an_unwound_send_stays_with_its_owner) {
  auto value = std::make_shared<int>(1);
  run([&] {
    chan<std::shared_ptr<int>> c;
    weft::go([c, &value] { c.send_until(value, far()); });
    weft::go([c, &value] { c.send(value); });
    wait_for_senders(c, 2);
  });
  EXPECT_EQ(value.use_count(), 1);
}

}  // namespace
