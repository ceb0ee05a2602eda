// select over a number of cases known only at run time.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"

namespace {

using namespace std::chrono_literals;
using weft::chan;
using weft::select;
using weft::select_case;
using weft_testing::wait_for_receivers;

class select_dynamic : public weft_testing::on_procs {};
WEFT_ON_PROCS(select_dynamic);

TEST_P(select_dynamic, does_the_ready_case) {
  run([] {
    for (std::size_t n : {1u, 2u, 16u, 17u, 200u}) {
      std::vector<chan<int>> channels;
      std::vector<select_case> cases;
      int got = 0;
      for (std::size_t i = 0; i < n; ++i) {
        channels.emplace_back(1);
        cases.push_back(recv(channels.back(), [&](std::optional<int> v) { got = *v; }));
      }
      channels[n / 2].send(5);
      EXPECT_EQ(select(cases), n / 2);
      EXPECT_EQ(got, 5);
    }
  });
}

TEST_P(select_dynamic, waits_on_all_cases) {
  run([] {
    for (std::size_t n : {1u, 2u, 16u, 17u, 200u}) {
      std::vector<chan<int>> channels(n);
      auto f = weft::spawn([&] {
        std::vector<select_case> cases;
        for (auto& c : channels) {
          cases.push_back(recv(c));
        }
        std::vector<bool> seen(n);
        for (std::size_t i = 0; i < n; ++i) {
          seen[select(cases)] = true;
        }
        return seen;
      });
      for (auto& c : channels) {
        c.send(1);
      }
      EXPECT_EQ(f.join(), std::vector<bool>(n, true));
    }
  });
}

TEST_P(select_dynamic, cases_may_come_from_a_list) {
  run([] {
    chan<int> a(1), b(1);
    b.send(1);
    std::vector<select_case> cases{recv(a), recv(b), weft::after(60s, [] {})};
    EXPECT_EQ(select(cases), 1u);
    EXPECT_EQ(select(std::vector<select_case>{recv(a), weft::otherwise()}), 1u);
    select_case array[] = {recv(a), weft::otherwise()};
    EXPECT_EQ(select(array), 1u);
  });
}

TEST_P(select_dynamic, deadlines_and_otherwise) {
  run([] {
    chan<int> a, b;
    std::vector<select_case> cases{recv(a), send(b, 1)};
    int ran = 0;
    cases.push_back(weft::after(60s, [] {}));
    cases.push_back(weft::until(weft::clock::now() + 1ms, [&] { ran = 1; }));
    EXPECT_EQ(select(cases), 3u);
    EXPECT_EQ(ran, 1);
    cases.push_back(weft::otherwise([&] { ran = 2; }));
    EXPECT_EQ(select(cases), 4u);
    EXPECT_EQ(ran, 2);
  });
}

TEST_P(select_dynamic, variable_is_sent_as_it_is_then) {
  run([] {
    chan<std::string> c(2);
    std::string v = "one";
    std::vector<select_case> cases{send(c, v)};
    select(cases);
    EXPECT_EQ(v, "");
    v = "two";
    select(cases);
    EXPECT_EQ(c.recv(), "one");
    EXPECT_EQ(c.recv(), "two");
  });
}

TEST_P(select_dynamic, kept_value_is_sent_each_time) {
  run([] {
    chan<std::string> c(3);
    std::vector<select_case> cases{send(c, "kept"), send(chan<int>(weft::nil), 1)};
    for (int i = 0; i < 3; ++i) {
      select(cases);
      EXPECT_EQ(c.recv(), "kept");
    }
  });
}

TEST_P(select_dynamic, kept_value_that_cannot_be_copied_is_sent_once) {
  run([] {
    chan<std::unique_ptr<int>> c(3);
    std::vector<select_case> cases;
    cases.push_back(send(c, std::make_unique<int>(3)));
    cases.push_back(weft::otherwise());
    EXPECT_EQ(select(cases), 0u);
    EXPECT_EQ(**c.recv(), 3);
    EXPECT_EQ(select(cases), 1u);
  });
}

TEST_P(select_dynamic, handlers_are_kept) {
  run([] {
    chan<int> c(1);
    chan<void> v(1);
    auto calls = std::make_shared<int>(0);
    std::vector<select_case> cases;
    cases.push_back(recv(c, [calls, own = std::make_unique<int>(1)] { *calls += *own; }));
    cases.push_back(recv(v, [calls](bool open) { *calls += open ? 10 : 100; }));
    cases.push_back(send(chan<void>(weft::nil), [calls] { *calls += 1000; }));
    c.send(1);
    select(cases);
    v.send();
    select(cases);
    v.close();
    select(cases);
    EXPECT_EQ(*calls, 111);
    EXPECT_EQ(calls.use_count(), 4);
    cases.clear();
    EXPECT_EQ(calls.use_count(), 1);
  });
}

TEST_P(select_dynamic, case_keeps_its_channel) {
  run([] {
    std::vector<select_case> cases;
    {
      chan<int> c(1);
      c.send(4);
      cases.push_back(recv(c, [](std::optional<int> v) { EXPECT_EQ(v, 4); }));
    }
    EXPECT_EQ(select(cases), 0u);
  });
}

TEST_P(select_dynamic, no_cases_wait_for_ever) {
  std::atomic<bool> returned = false;
  run([&] {
    weft::go([&] {
      std::vector<select_case> none;
      select(none);
      returned = true;
    });
    weft::this_fiber::yield();
  });
  EXPECT_FALSE(returned);
}

TEST_P(select_dynamic, moved_from_case_is_never_ready) {
  run([] {
    chan<int> c(1);
    c.send(1);
    std::vector<select_case> cases{recv(c), weft::otherwise()};
    const select_case taken = std::move(cases[0]);
    EXPECT_EQ(select(cases), 1u);
  });
}

TEST_P(select_dynamic, send_to_closed_throws) {
  run([] {
    chan<int> c;
    c.close();
    std::vector<select_case> cases{send(c, 1)};
    EXPECT_THROW(select(cases), weft::closed_channel);
  });
}

}  // namespace
