// Every wrong use of a channel has an outcome of its own, and leaves the channel as it was.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::chan;

class channel_misuse : public weft_testing::on_procs {};
WEFT_ON_PROCS(channel_misuse);

TEST_P(channel_misuse, send_on_closed_throws) {
  run([] {
    for (std::size_t capacity : {0u, 2u}) {
      chan<int> c(capacity);
      c.close();
      EXPECT_THROW(c.send(1), weft::closed_channel);
      EXPECT_THROW(c.try_send(1), weft::closed_channel);
      EXPECT_THROW(c.send_for(1, 1s), weft::closed_channel);
      EXPECT_THROW(c.send_until(1, weft::clock::now()), weft::closed_channel);
      EXPECT_EQ(c.size(), 0u);
    }
  });
}

TEST_P(channel_misuse, send_on_closed_leaves_the_value) {
  run([] {
    chan<std::unique_ptr<int>> c;
    c.close();
    auto v = std::make_unique<int>(1);
    EXPECT_THROW(c.try_send(v), weft::closed_channel);
    EXPECT_THROW(c.send_for(v, 1s), weft::closed_channel);
    EXPECT_NE(v, nullptr);
  });
}

TEST_P(channel_misuse, send_on_closed_and_full_throws) {
  run([] {
    chan<int> c(1);
    c.send(1);
    c.close();
    EXPECT_THROW(c.try_send(2), weft::closed_channel);
    EXPECT_EQ(c.recv(), 1);
  });
}

TEST_P(channel_misuse, second_close_throws) {
  run([] {
    chan<int> c(1);
    c.send(1);
    c.close();
    EXPECT_THROW(c.close(), weft::closed_channel);
    EXPECT_THROW(c.tx().close(), weft::closed_channel);
    EXPECT_EQ(c.recv(), 1);
  });
}

TEST_P(channel_misuse, close_of_nil_throws) {
  run([] {
    chan<int> c = weft::nil;
    EXPECT_THROW(c.close(), weft::nil_channel);
    EXPECT_THROW(weft::sender<int>().close(), weft::nil_channel);
  });
}

TEST_P(channel_misuse, errors_are_logic_errors_with_words) {
  run([] {
    chan<int> c;
    c.close();
    try {
      c.send(1);
      FAIL();
    } catch (const std::logic_error& e) {
      EXPECT_STREQ(e.what(), "weft: send on closed channel");
    }
    try {
      c.close();
      FAIL();
    } catch (const std::logic_error& e) {
      EXPECT_STREQ(e.what(), "weft: close of closed channel");
    }
    try {
      chan<int>(weft::nil).close();
      FAIL();
    } catch (const std::logic_error& e) {
      EXPECT_STREQ(e.what(), "weft: close of nil channel");
    }
  });
}

TEST(channel_size, impossible_capacities_throw_length_error) {
  EXPECT_THROW(static_cast<void>(chan<int>(std::numeric_limits<std::size_t>::max())),
               std::length_error);
  EXPECT_THROW(chan<int>(static_cast<std::size_t>(-1)), std::length_error);
  EXPECT_THROW(chan<std::string>(std::numeric_limits<std::size_t>::max() / 32 + 2),
               std::length_error);
  EXPECT_THROW(static_cast<void>(chan<void>(std::numeric_limits<std::size_t>::max())),
               std::length_error);
}

// Sanitizers end the process instead of throwing.
#if !defined(WEFT_SANITIZE_ADDRESS) && !defined(WEFT_SANITIZE_THREAD)
TEST(channel_size, capacities_beyond_memory_throw_bad_alloc) {
  EXPECT_THROW(chan<char>(std::size_t{1} << 61), std::bad_alloc);
}
#endif

}  // namespace
