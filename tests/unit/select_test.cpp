// select: which case is done, and what its handler gets.
#include "weft/select.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::after;
using weft::chan;
using weft::otherwise;
using weft::select;
using weft_testing::wait_for_receivers;
using weft_testing::wait_for_senders;
using weft_testing::waiting_receivers;
using weft_testing::waiting_senders;

class select_of : public weft_testing::on_procs {};
WEFT_ON_PROCS(select_of);

// Choice ---------------------------------------------------------------------------------------

TEST_P(select_of, ready_receive_is_done) {
  run([] {
    chan<int> a, b(1);
    b.send(5);
    int got = 0;
    EXPECT_EQ(select(recv(a), recv(b, [&](std::optional<int> v) { got = *v; })), 1u);
    EXPECT_EQ(got, 5);
  });
}

TEST_P(select_of, ready_send_is_done) {
  run([] {
    chan<int> a, b(1);
    bool sent = false;
    EXPECT_EQ(select(recv(a), send(b, 6, [&] { sent = true; })), 1u);
    EXPECT_TRUE(sent);
    EXPECT_EQ(b.recv(), 6);
  });
}

TEST_P(select_of, exactly_one_case_is_done) {
  run([] {
    chan<int> a(1), b(1), full(1);
    a.send(1);
    full.send(2);
    int ran = 0;
    select(recv(a, [&] { ++ran; }), send(b, 3, [&] { ++ran; }), recv(full, [&] { ++ran; }));
    EXPECT_EQ(ran, 1);
    EXPECT_EQ(a.size() + full.size() + (1 - b.size()), 2u);
  });
}

TEST_P(select_of, closed_channel_is_received_from) {
  run([] {
    chan<int> a, b;
    b.close();
    bool none = false;
    EXPECT_EQ(select(recv(a), recv(b, [&](std::optional<int> v) { none = !v; })), 1u);
    EXPECT_TRUE(none);
  });
}

TEST_P(select_of, send_to_a_closed_channel_throws) {
  run([] {
    chan<std::string> a, b;
    b.close();
    std::string v = "kept";
    EXPECT_THROW(select(recv(a), send(b, v)), weft::closed_channel);
    EXPECT_EQ(v, "kept");
  });
}

TEST_P(select_of, nil_channels_are_never_ready) {
  run([] {
    chan<int> none = weft::nil, some(1);
    some.send(1);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(select(recv(none), send(none, 1), recv(some)), 2u);
      some.send(1);
    }
    EXPECT_EQ(select(recv(none), send(none, 1), otherwise()), 2u);
    EXPECT_EQ(select(recv(none), after(1ms, [] {})), 1u);
  });
}

TEST_P(select_of, value_is_moved_from_only_if_chosen) {
  run([] {
    chan<std::unique_ptr<int>> ready(1), stuck;
    auto a = std::make_unique<int>(1), b = std::make_unique<int>(2);
    EXPECT_EQ(select(send(stuck, a), send(ready, b)), 1u);
    EXPECT_NE(a, nullptr);
    EXPECT_EQ(b, nullptr);
    EXPECT_EQ(select(send(stuck, std::move(a)), otherwise()), 1u);
    EXPECT_NE(a, nullptr);
  });
}

TEST_P(select_of, constants_and_other_types_are_converted) {
  run([] {
    chan<std::string> c(3);
    const std::string constant = "constant";
    select(send(c, constant), recv(chan<int>()));
    select(send(c, "literal"), recv(chan<int>()));
    select(send(c, std::string("rvalue")), recv(chan<int>()));
    EXPECT_EQ(c.recv(), "constant");
    EXPECT_EQ(c.recv(), "literal");
    EXPECT_EQ(c.recv(), "rvalue");
  });
}

// Handlers -------------------------------------------------------------------------------------

TEST_P(select_of, handlers_take_the_value_or_nothing) {
  run([] {
    chan<int> c(3);
    chan<void> v(2);
    int n = 0;
    for (int i = 0; i < 3; ++i) {
      c.send(i);
    }
    v.send();
    select(recv(c, [&] { ++n; }), recv(chan<int>()));
    select(recv(c, [&](auto value) { n += 10 * *value; }), recv(chan<int>()));
    select(recv(c, [&](const std::optional<int>& value) { n += 100 * *value; }), recv(chan<int>()));
    EXPECT_EQ(n, 211);
    bool open = false;
    select(recv(v, [&](bool ok) { open = ok; }), recv(chan<int>()));
    EXPECT_TRUE(open);
    v.close();
    select(recv(v, [&](bool ok) { open = ok; }), recv(chan<int>()));
    EXPECT_FALSE(open);
    select(recv(v, [&] { open = true; }), recv(chan<int>()));
    EXPECT_TRUE(open);
  });
}

TEST_P(select_of, handler_receives_move_only_values) {
  run([] {
    chan<std::unique_ptr<int>> c(1);
    c.send(std::make_unique<int>(4));
    std::unique_ptr<int> got;
    select(recv(c, [&](std::optional<std::unique_ptr<int>> v) { got = *std::move(v); }),
           recv(chan<int>()));
    EXPECT_EQ(*got, 4);
  });
}

TEST_P(select_of, exception_of_a_handler_leaves_select) {
  run([] {
    chan<int> c(1);
    c.send(1);
    EXPECT_THROW(select(recv(c, [] { throw std::runtime_error("mine"); }), recv(chan<int>())),
                 std::runtime_error);
    EXPECT_EQ(c.size(), 0u);
  });
}

TEST_P(select_of, handlers_may_do_anything) {
  run([] {
    chan<int> a(1), b;
    a.send(1);
    int inner = 0;
    auto f = weft::spawn([&] { b.send(2); });
    select(recv(a,
                [&] {
                  select(recv(b, [&](std::optional<int> v) { inner = *v; }), recv(a));
                  a.close();
                  weft::this_fiber::yield();
                }),
           recv(chan<int>()));
    EXPECT_EQ(inner, 2);
  });
}

TEST_P(select_of, send_and_recv_of_void_channels) {
  run([] {
    chan<void> c(1);
    EXPECT_EQ(select(recv(c), send(c)), 1u);
    EXPECT_EQ(select(recv(c), send(c)), 0u);
    bool sent = false;
    EXPECT_EQ(select(send(c.tx(), [&] { sent = true; }), otherwise()), 0u);
    EXPECT_TRUE(sent);
  });
}

TEST_P(select_of, takes_narrow_handles) {
  run([] {
    chan<int> c(1);
    weft::sender<int> tx = c;
    weft::receiver<int> rx = c;
    EXPECT_EQ(select(send(tx, 3, [] {}), recv(chan<int>())), 0u);
    int got = 0;
    EXPECT_EQ(select(recv(rx, [&](std::optional<int> v) { got = *v; }), recv(chan<int>())), 0u);
    EXPECT_EQ(got, 3);
  });
}

// Otherwise ------------------------------------------------------------------------------------

TEST_P(select_of, otherwise_runs_when_nothing_is_ready) {
  run([] {
    chan<int> a, b, full(1);
    full.send(1);
    bool ran = false;
    EXPECT_EQ(select(recv(a), recv(b), send(full, 2), otherwise([&] { ran = true; })), 3u);
    EXPECT_TRUE(ran);
    EXPECT_EQ(waiting_receivers(a) + waiting_receivers(b) + waiting_senders(full), 0u);
  });
}

TEST_P(select_of, otherwise_does_not_run_when_something_is_ready) {
  run([] {
    chan<int> a(1), b;
    a.send(1);
    EXPECT_EQ(select(otherwise([] { FAIL(); }), recv(a), recv(b)), 1u);
  });
}

TEST_P(select_of, one_case_with_otherwise_is_a_trying_operation) {
  run([] {
    chan<int> c(1);
    EXPECT_EQ(select(recv(c), otherwise()), 1u);
    EXPECT_EQ(select(send(c, 1), otherwise()), 0u);
    EXPECT_EQ(select(send(c, 1), otherwise()), 1u);
    EXPECT_EQ(select(recv(c), otherwise()), 0u);
  });
}

TEST_P(select_of, one_closed_channel_with_otherwise_ends_empty) {
  run([] {
    chan<std::string> c(1);
    c.send("last");
    c.close();
    std::vector<std::optional<std::string>> seen;
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(select(otherwise([] { FAIL(); }),
                       recv(c, [&](std::optional<std::string> v) { seen.push_back(v); })),
                1u);
    }
    EXPECT_EQ(seen, (std::vector<std::optional<std::string>>{"last", {}, {}}));
    EXPECT_THROW(select(send(c, "late"), otherwise()), weft::closed_channel);
    EXPECT_EQ(select(recv(chan<int>(weft::nil)), otherwise()), 1u);
  });
}

TEST_P(select_of, otherwise_meets_a_waiting_sender) {
  run([] {
    chan<int> a, b;
    auto f = weft::spawn([&] { b.send(4); });
    wait_for_senders(b);
    EXPECT_EQ(select(recv(a), recv(b), otherwise()), 1u);
  });
}

// At every moment a value is in one of the two channels, so a select that looked at them one after
// the other could miss it, but one that decides at one moment cannot.
TEST_P(select_of, otherwise_means_that_nothing_was_ready_at_one_moment) {
  run([] {
    chan<int> a(1), b(1);
    std::atomic<bool> done = false;
    a.send(0);
    auto mover = weft::spawn([&] {
      while (!done) {
        b.send(0);
        a.recv();
        a.send(0);
        b.recv();
        weft::this_fiber::yield();
      }
    });
    int missed = 0;
    for (int i = 0; i < 2000; ++i) {
      const std::size_t chosen = select(recv(a), recv(b), otherwise([&] { ++missed; }));
      if (chosen < 2) {
        (chosen == 0 ? a : b).send(0);
      }
      if (i % 16 == 0) {
        weft::this_fiber::yield();
      }
    }
    done = true;
    EXPECT_EQ(missed, 0);
  });
}

// Time -----------------------------------------------------------------------------------------

TEST_P(select_of, after_runs_when_nothing_came_in_time) {
  run([] {
    chan<int> a, b;
    const auto begin = weft::clock::now();
    EXPECT_EQ(select(recv(a), send(b, 1), after(2ms, [] {})), 2u);
    EXPECT_GE(weft::clock::now() - begin, 2ms);
    EXPECT_EQ(waiting_receivers(a) + waiting_senders(b), 0u);
  });
}

TEST_P(select_of, until_runs_at_its_time) {
  run([] {
    chan<int> a, b;
    const auto deadline = weft::clock::now() + 2ms;
    EXPECT_EQ(select(recv(a), recv(b), weft::until(deadline, [] {})), 2u);
    EXPECT_GE(weft::clock::now(), deadline);
  });
}

TEST_P(select_of, earliest_of_several_deadlines_counts) {
  run([] {
    chan<int> a, b;
    EXPECT_EQ(select(after(60s, [] {}), recv(a), recv(b), after(1ms, [] {}),
                     weft::until(weft::clock::now() + 50s)),
              3u);
  });
}

TEST_P(select_of, passed_deadline_gives_way_to_what_is_ready) {
  run([] {
    chan<int> a(1), b;
    a.send(1);
    EXPECT_EQ(select(after(-1s, [] {}), weft::until(weft::clock::now() - 1s), recv(a), recv(b)),
              2u);
    EXPECT_EQ(select(after(0s, [] {}), recv(a), recv(b)), 0u);
    EXPECT_EQ(select(weft::until(weft::clock::now() - 1s), recv(a)), 0u);
    EXPECT_EQ(select(after(0s, [] {}), recv(a)), 0u);
  });
}

TEST_P(select_of, only_deadlines_is_a_sleep) {
  run([] {
    const auto begin = weft::clock::now();
    EXPECT_EQ(select(after(1ms, [] {})), 0u);
    EXPECT_EQ(select(after(1h, [] {}), after(1ms, [] {})), 1u);
    EXPECT_GE(weft::clock::now() - begin, 2ms);
  });
}

TEST_P(select_of, only_otherwise_returns_at_once) {
  run([] { EXPECT_EQ(select(otherwise()), 0u); });
}

TEST_P(select_of, one_channel_and_a_deadline) {
  run([] {
    chan<int> c;
    EXPECT_EQ(select(recv(c), after(1ms, [] {})), 1u);
    EXPECT_EQ(select(send(c, 1), after(1ms, [] {})), 1u);
    auto f = weft::spawn([&] { EXPECT_EQ(select(send(c, 7, [] {}), after(60s, [] {})), 0u); });
    int got = 0;
    EXPECT_EQ(select(recv(c, [&](std::optional<int> v) { got = *v; }), after(60s, [] {})), 0u);
    EXPECT_EQ(got, 7);
    c.close();
    EXPECT_EQ(select(recv(c, [&](std::optional<int> v) { got = v ? 1 : 2; }), after(60s, [] {})),
              0u);
    EXPECT_EQ(got, 2);
    EXPECT_THROW(select(send(c, 1), after(60s, [] {})), weft::closed_channel);
  });
}

TEST_P(select_of, timeout_far_in_the_future_is_none) {
  run([] {
    chan<int> a, b;
    auto f =
        weft::spawn([&] { return select(recv(a), recv(b), after(weft::duration::max(), [] {})); });
    wait_for_receivers(b);
    b.send(1);
    EXPECT_EQ(f.join(), 1u);
  });
}

}  // namespace
