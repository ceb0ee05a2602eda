// Receivers that stand in a select as they are, after() among them.
#include <gtest/gtest.h>

#include <vector>

#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"
#include "weft/time.hpp"

namespace {

using namespace std::chrono_literals;
using weft::after;
using weft::chan;
using weft::otherwise;
using weft::select;

class select_receiver : public weft_testing::on_procs {};
WEFT_ON_PROCS(select_receiver);

TEST_P(select_receiver, receivers_stand_for_their_recv_case) {
  run([] {
    chan<int> a, b(1);
    chan<void> done;
    b.send(5);
    EXPECT_EQ(select(recv(a), b.rx(), done.rx()), 1u);
    EXPECT_EQ(b.size(), 0u) << "it was not received";
    const weft::receiver<int> from_b = b;
    b.send(6);
    EXPECT_EQ(select(from_b, send(a, 1)), 0u);
    done.close();
    EXPECT_EQ(select(done.rx()), 0u);
    EXPECT_EQ(select(from_b, otherwise()), 1u);
    EXPECT_EQ(select(weft::receiver<int>(weft::nil), otherwise([] {})), 1u);
  });
}

TEST_P(select_receiver, after_without_a_handler_is_a_case) {
  run([] {
    chan<int> c(1);
    const auto begin = weft::clock::now();
    EXPECT_EQ(select(recv(c), after(2ms)), 1u);
    EXPECT_GE(weft::clock::now() - begin, 2ms);
    c.send(1);
    EXPECT_EQ(select(recv(c, [] {}), after(1h)), 0u);
    EXPECT_EQ(select(after(1h), after(1ms), recv(c)), 1u);
    EXPECT_EQ(select(after(1ms), after(1h, [] {})), 0u);
    EXPECT_EQ(select(after(1h), after(1ms, [] {})), 1u);
    EXPECT_EQ(select(after(1ms)), 0u);
    weft::receiver<weft::clock::time_point> kept = after(1ms);  // what it always was
    EXPECT_EQ(select(recv(c), kept), 1u);
    weft::ticker ticks(1ms);
    EXPECT_EQ(select(recv(c), ticks.c), 1u);
  });
}

TEST_P(select_receiver, receivers_are_made_into_kept_cases) {
  run([] {
    std::vector<weft::select_case> cases;
    chan<int> c;
    cases.push_back(c.rx());
    cases.push_back(weft::after(1ms));
    cases.emplace_back(recv(c));
    EXPECT_EQ(weft::select(cases), 1u);
  });
}

}  // namespace
