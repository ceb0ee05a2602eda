// select: waiting, being woken by one of several, and fairness.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"

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

class select_wait : public weft_testing::on_procs {};
WEFT_ON_PROCS(select_wait);

// Waiting --------------------------------------------------------------------------------------

TEST_P(select_wait, waiting_receive_is_woken_by_a_sender) {
  run([] {
    chan<int> a, b, c;
    int got = 0;
    auto f = weft::spawn(
        [&] { return select(recv(a), recv(b, [&](std::optional<int> v) { got = *v; }), recv(c)); });
    wait_for_receivers(c);
    b.send(3);
    EXPECT_EQ(f.join(), 1u);
    EXPECT_EQ(got, 3);
    EXPECT_EQ(waiting_receivers(a) + waiting_receivers(b) + waiting_receivers(c), 0u);
  });
}

TEST_P(select_wait, waiting_send_is_woken_by_a_receiver) {
  run([] {
    chan<std::string> a, b;
    auto f = weft::spawn([&] {
      std::string first = "a", second = "b";
      const std::size_t i = select(send(a, first), send(b, second));
      EXPECT_EQ(first, "a");
      return i;
    });
    wait_for_senders(b);
    EXPECT_EQ(b.recv(), "b");
    EXPECT_EQ(f.join(), 1u);
    EXPECT_EQ(waiting_senders(a), 0u);
  });
}

TEST_P(select_wait, waiting_send_into_a_full_buffer_is_let_in) {
  run([] {
    chan<int> a(1), b(1);
    a.send(1);
    b.send(2);
    auto f = weft::spawn([&] { return select(send(a, 10), send(b, 20)); });
    wait_for_senders(b);
    EXPECT_EQ(a.recv(), 1);
    EXPECT_EQ(f.join(), 0u);
    EXPECT_EQ(a.recv(), 10);
    EXPECT_EQ(b.recv(), 2);
    EXPECT_EQ(b.size(), 0u);
  });
}

TEST_P(select_wait, close_wakes_waiting_receives) {
  run([] {
    chan<int> a, b;
    bool none = false;
    auto f = weft::spawn(
        [&] { return select(recv(a), recv(b, [&](std::optional<int> v) { none = !v; })); });
    wait_for_receivers(b);
    b.close();
    EXPECT_EQ(f.join(), 1u);
    EXPECT_TRUE(none);
  });
}

TEST_P(select_wait, close_makes_a_waiting_send_throw) {
  run([] {
    chan<int> a, b;
    auto f = weft::spawn([&] { return select(send(a, 1), send(b, 2)); });
    wait_for_senders(b);
    a.close();
    EXPECT_THROW(f.join(), weft::closed_channel);
    EXPECT_EQ(waiting_senders(b), 0u);
  });
}

TEST_P(select_wait, two_selects_meet) {
  run([] {
    chan<int> a, b;
    auto f = weft::spawn([&] { return select(send(a, 1), send(b, 2)); });
    int got = 0;
    const auto take = [&](std::optional<int> v) { got = *v; };
    const std::size_t i = select(recv(a, take), recv(b, take));
    EXPECT_EQ(f.join(), i);
    EXPECT_EQ(got, static_cast<int>(i) + 1);
  });
}

// A select that polls its channels never meets a sender that needs a receiver to be there.
TEST_P(select_wait, select_meets_unbuffered_senders) {
  run([] {
    constexpr int each = 300;
    chan<int> a, b;
    std::vector<weft::fiber<void>> senders;
    for (int s = 0; s < 4; ++s) {
      senders.push_back(weft::spawn([&, s] {
        for (int i = 0; i < each; ++i) {
          (s % 2 == 0 ? a : b).send(1);
        }
      }));
    }
    int sum = 0;
    const auto add = [&](std::optional<int> v) { sum += *v; };
    for (int i = 0; i < 4 * each; ++i) {
      select(recv(a, add), recv(b, add));
    }
    EXPECT_EQ(sum, 4 * each);
  });
}

TEST_P(select_wait, only_one_of_two_wakers_wins) {
  run([] {
    for (int round = 0; round < 100; ++round) {
      chan<int> a, b;
      auto f = weft::spawn([&] {
        int got = 0;
        const auto add = [&](std::optional<int> v) { got += *v; };
        select(recv(a, add), recv(b, add));
        select(recv(a, add), recv(b, add));
        return got;
      });
      auto g = weft::spawn([&] { a.send(1); });
      auto h = weft::spawn([&] { b.send(2); });
      ASSERT_EQ(f.join(), 3);
    }
  });
}

TEST_P(select_wait, waiter_of_a_lost_case_takes_no_value) {
  run([] {
    chan<int> a, b;
    auto f = weft::spawn([&] { return select(recv(a), recv(b)); });
    wait_for_receivers(b);
    a.send(1);
    // Whether the select has left b's queue yet or not, it must not take this.
    EXPECT_FALSE(b.try_send(2));
    EXPECT_EQ(f.join(), 0u);
  });
}

TEST_P(select_wait, others_behind_a_lost_case_are_served) {
  run([] {
    for (int round = 0; round < 50; ++round) {
      chan<int> a, b;
      auto f = weft::spawn([&] { return select(recv(a), recv(b)); });
      wait_for_receivers(b, 1);
      auto behind = weft::spawn([&] { return *b.recv(); });
      wait_for_receivers(b, 2);
      a.send(1);
      b.send(2);
      ASSERT_EQ(behind.join(), 2);
      ASSERT_EQ(f.join(), 0u);
    }
  });
}

// The same channel more than once ----------------------------------------------------------------

TEST_P(select_wait, same_channel_in_several_cases) {
  run([] {
    chan<int> c;
    auto f = weft::spawn([&] { return select(recv(c), recv(c), recv(c)); });
    wait_for_receivers(c, 3);
    c.send(1);
    EXPECT_LT(f.join(), 3u);
    EXPECT_EQ(waiting_receivers(c), 0u);
  });
}

TEST_P(select_wait, select_does_not_deal_with_itself) {
  run([] {
    chan<int> c;
    EXPECT_EQ(select(send(c, 1), recv(c), otherwise()), 2u);
    EXPECT_EQ(select(send(c, 1), recv(c), after(1ms, [] {})), 2u);
    EXPECT_EQ(waiting_receivers(c) + waiting_senders(c), 0u);
  });
}

TEST_P(select_wait, selects_that_send_and_receive_on_one_channel_meet_each_other) {
  run([] {
    chan<int> c;
    std::atomic<int> sent = 0, received = 0, ended = 0;
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 6; ++i) {
      fibers.push_back(weft::spawn([&] {
        for (int k = 0; k < 100; ++k) {
          select(send(c, 1, [&] { ++sent; }), recv(c, [&] { ++received; }));
        }
        ++ended;
      }));
    }
    // A last one may be left without a partner.
    while (ended < 6) {
      select(recv(c, [&] { ++received; }), send(c, 1, [&] { ++sent; }), after(1ms, [] {}));
    }
    fibers.clear();
    EXPECT_EQ(sent, received);
  });
}

TEST_P(select_wait, buffered_channel_as_send_and_receive) {
  run([] {
    chan<int> c(1);
    EXPECT_EQ(select(send(c, 1), recv(c)), 0u);
    EXPECT_EQ(select(send(c, 2), recv(c)), 1u);
  });
}

// Fairness -------------------------------------------------------------------------------------

// With 3 degrees of freedom chi-square exceeds 60 once in 10^12.
template <std::size_t N>
double chi_square(const std::array<int, N>& counts) {
  double total = 0;
  for (int n : counts) {
    total += n;
  }
  const double expected = total / N;
  double sum = 0;
  for (int n : counts) {
    sum += (n - expected) * (n - expected) / expected;
  }
  return sum;
}

TEST_P(select_wait, ready_cases_are_chosen_uniformly) {
  run([] {
    chan<int> a(1), b(1), c(1), d(1);
    a.send(1);
    b.send(1);
    std::array<int, 4> chosen{};
    for (int i = 0; i < 8000; ++i) {
      const std::size_t k = select(recv(a), recv(b), send(c, 1), send(d, 1));
      ++chosen[k];
      k == 0 ? a.send(1) : k == 1 ? b.send(1) : k == 2 ? void(c.recv()) : void(d.recv());
    }
    EXPECT_LT(chi_square(chosen), 60)
        << chosen[0] << ' ' << chosen[1] << ' ' << chosen[2] << ' ' << chosen[3];
  });
}

TEST_P(select_wait, uniform_among_the_ready_ones_whatever_their_places) {
  run([] {
    chan<int> never, a(1), b(1), c(1);
    std::array<int, 3> chosen{};
    a.send(1);
    b.send(1);
    c.send(1);
    for (int i = 0; i < 6000; ++i) {
      const std::size_t k =
          select(recv(a), recv(never), recv(b), recv(never), recv(never), recv(c));
      ++chosen[k == 0 ? 0 : k == 2 ? 1 : 2];
      (k == 0 ? a : k == 2 ? b : c).send(1);
    }
    EXPECT_LT(chi_square(chosen), 60);
  });
}

TEST_P(select_wait, waiting_senders_are_chosen_uniformly) {
  run([] {
    std::array<chan<int>, 4> c;
    for (auto& each : c) {
      weft::go([each] {
        for (;;) {
          each.send(1);
        }
      });
    }
    std::array<int, 4> chosen{};
    for (int i = 0; i < 2000; ++i) {
      for (auto& each : c) {
        wait_for_senders(each);
      }
      ++chosen[select(recv(c[0]), recv(c[1]), recv(c[2]), recv(c[3]))];
    }
    EXPECT_LT(chi_square(chosen), 60);
  });
}

// Stop, threads --------------------------------------------------------------------------------

TEST_P(select_wait, stop_unwinds_selects_and_leaves_their_values) {
  auto value = std::make_shared<int>(1);
  std::atomic<int> unwound = 0;
  run([&] {
    chan<std::shared_ptr<int>> a, b;
    const auto counted = [&](auto body) {
      return [&unwound, body]() mutable {
        try {
          body();
        } catch (const weft::unwind&) {
          ++unwound;
          throw;
        }
      };
    };
    weft::go(counted([a, b, value]() mutable { select(send(a, value), recv(b)); }));
    weft::go(counted([a, b] { select(recv(b), recv(b), after(60s, [] {})); }));
    weft::go(counted([] { select(); }));
    weft::go(counted([] { select(recv(chan<int>(weft::nil)), recv(chan<int>(weft::nil))); }));
    wait_for_senders(a);
    wait_for_receivers(b, 3);
  });
  EXPECT_EQ(unwound, 4);
  EXPECT_EQ(value.use_count(), 1);
}

TEST(select_of_threads, plain_threads_select) {
  chan<int> a, b;
  std::jthread sender([&] {
    for (int i = 0; i < 100; ++i) {
      select(send(a, 1), send(b, 2));
    }
  });
  int n = 0;
  for (int i = 0; i < 100; ++i) {
    select(recv(a, [&] { ++n; }), recv(b, [&] { ++n; }));
  }
  EXPECT_EQ(n, 100);
}

TEST(select_of_threads, plain_thread_times_out) {
  chan<int> a, b;
  EXPECT_EQ(select(recv(a), send(b, 1), after(1ms, [] {})), 2u);
  EXPECT_EQ(select(after(1ms, [] {})), 0u);
  EXPECT_EQ(waiting_receivers(a) + waiting_senders(b), 0u);
}

TEST(select_of_threads, plain_thread_and_fiber_select_each_other) {
  weft::start({.procs = 2});
  chan<int> a, b;
  auto f = weft::spawn([&] {
    for (int i = 0; i < 100; ++i) {
      select(send(a, 1), recv(b));
    }
  });
  for (int i = 0; i < 100; ++i) {
    select(recv(a), send(b, 1));
  }
  f.join();
  weft::stop();
}

// Deadlines against wakers ---------------------------------------------------------------------

// A value is either received or, when the receiver gave up first, still with its sender.
TEST_P(select_wait, timeout_and_waker_do_not_both_win) {
  run([] {
    chan<int> a, b;
    std::atomic<int> received = 0;
    std::atomic<bool> done = false;
    auto f = weft::spawn([&] {
      while (!done) {
        const auto count = [&] { ++received; };
        select(recv(a, count), recv(b, count), after(20us, [] {}));
      }
    });
    int sent = 0;
    for (int i = 0; i < 300; ++i) {
      int v = i;
      sent += (i % 2 == 0 ? a : b).send_for(v, 20us);
      weft::this_fiber::yield();
    }
    done = true;
    f.join();
    EXPECT_EQ(sent, received);
  });
}

}  // namespace
