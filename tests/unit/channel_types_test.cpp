// What a channel can carry: every way in which the core moves its elements.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
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
using weft_testing::wait_for_senders;

// Counts its living objects and how often values were moved.
template <std::size_t Size, bool Trivial>
struct value {
  explicit value(int seed) {
    for (std::size_t i = 0; i < Size; ++i) {
      raw[i] = static_cast<unsigned char>(seed + static_cast<int>(i));
    }
  }
  bool is(int seed) const {
    for (std::size_t i = 0; i < Size; ++i) {
      if (raw[i] != static_cast<unsigned char>(seed + static_cast<int>(i))) {
        return false;
      }
    }
    return true;
  }
  unsigned char raw[Size];
};

std::atomic<int> alive = 0;

template <std::size_t Size>
struct value<Size, false> {
  explicit value(int seed) : inner(seed) { ++alive; }
  value(value&& other) noexcept : inner(other.inner) {
    other.inner = value<Size, true>(-1);
    ++alive;
  }
  value& operator=(value&& other) noexcept {
    inner = other.inner;
    other.inner = value<Size, true>(-1);
    return *this;
  }
  ~value() { --alive; }
  bool is(int seed) const { return inner.is(seed); }
  value<Size, true> inner;
};

struct alignas(64) over_aligned {
  explicit over_aligned(int v) : number(v) {}
  over_aligned(over_aligned&& o) noexcept : number(o.number) { check(); }
  over_aligned& operator=(over_aligned&& o) noexcept = default;
  bool is(int v) const {
    check();
    return number == v;
  }
  void check() const { EXPECT_EQ(reinterpret_cast<std::uintptr_t>(this) % 64, 0u); }
  int number;
};

struct alignas(32) small_over_aligned {
  explicit small_over_aligned(int v) : number(static_cast<short>(v)) {}
  bool is(int v) const {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(this) % 32, 0u);
    return number == static_cast<short>(v);
  }
  short number;
};

struct owning {
  explicit owning(int v) : number(std::make_unique<int>(v)) {}
  bool is(int v) const { return number != nullptr && *number == v; }
  std::unique_ptr<int> number;
};

// A move that may throw by its type (it copies a string) but does not.
struct copied {
  explicit copied(int v) : text(std::to_string(v) + " in a string that needs the heap") {}
  copied(const copied&) = default;
  copied& operator=(const copied&) = default;
  bool is(int v) const { return text.starts_with(std::to_string(v) + " "); }
  std::string text;
};

template <class T>
class channel_of : public testing::Test {};
using carried =
    testing::Types<value<1, true>, value<2, true>, value<3, true>, value<4, true>, value<5, true>,
                   value<7, true>, value<8, true>, value<9, true>, value<12, true>, value<15, true>,
                   value<16, true>, value<17, true>, value<24, true>, value<1, false>,
                   value<8, false>, value<4096, true>, value<4096, false>, over_aligned,
                   small_over_aligned, owning, copied>;
TYPED_TEST_SUITE(channel_of, carried);

// The values 0..99 through a channel of some capacity, by plain, trying and timed operations.
template <class T>
void pass_through(std::size_t capacity) {
  chan<T> c(capacity);
  auto f = weft::spawn([&] {
    for (int i = 0; i < 100; ++i) {
      if (i % 3 == 0) {
        c.send(T(i));
      } else if (i % 3 == 1) {
        T v(i);
        while (!c.try_send(v)) {
          ASSERT_TRUE(v.is(i));
          weft::this_fiber::yield();
        }
      } else {
        ASSERT_TRUE(c.send_for(T(i), 60s));
      }
    }
    c.close();
  });
  T got(-1);
  for (int i = 0; i < 100; ++i) {
    if (i % 3 == 0) {
      const auto v = c.recv();
      ASSERT_TRUE(v.has_value());
      ASSERT_TRUE(v->is(i));
    } else if (i % 3 == 1) {
      ASSERT_EQ(c.recv_for(got, 60s), recv_status::ok);
      ASSERT_TRUE(got.is(i));
    } else {
      weft_testing::wait_until([&] { return c.try_recv(got) == recv_status::ok; });
      ASSERT_TRUE(got.is(i));
    }
  }
  EXPECT_FALSE(c.recv().has_value());
}

TYPED_TEST(channel_of, passes_unbuffered_and_buffered) {
  for (int procs : {1, 2}) {
    for (std::size_t capacity : {0u, 1u, 3u, 16u}) {
      weft::run([capacity] { pass_through<TypeParam>(capacity); }, {.procs = procs});
    }
  }
}

TYPED_TEST(channel_of, passes_by_iteration) {
  weft::run([] {
    chan<TypeParam> c(2);
    weft::go([c] {
      for (int i = 0; i < 20; ++i) {
        c.send(TypeParam(i));
      }
      c.close();
    });
    int i = 0;
    for (auto& v : c) {
      ASSERT_TRUE(v.is(i++));
    }
    EXPECT_EQ(i, 20);
  });
}

TYPED_TEST(channel_of, is_handed_to_a_waiting_receiver) {
  weft::run([] {
    chan<TypeParam> c(3);
    auto f = weft::spawn([&] { EXPECT_TRUE(c.recv()->is(9)); });
    wait_for_receivers(c);
    c.send(TypeParam(9));
  });
}

TYPED_TEST(channel_of, is_fetched_from_a_waiting_sender) {
  weft::run([] {
    chan<TypeParam> c(1);
    c.send(TypeParam(1));
    auto f = weft::spawn([&] { c.send(TypeParam(2)); });
    wait_for_senders(c);
    EXPECT_TRUE(c.recv()->is(1));
    EXPECT_TRUE(c.recv()->is(2));
  });
}

TYPED_TEST(channel_of, is_destroyed_with_the_channel) {
  const int before = alive;
  weft::run([] {
    chan<TypeParam> c(4);
    c.send(TypeParam(1));
    c.send(TypeParam(2));
    c.close();
  });
  EXPECT_EQ(alive, before);
}

// Special cases --------------------------------------------------------------------------------

class channel_types : public weft_testing::on_procs {};
WEFT_ON_PROCS(channel_types);

TEST_P(channel_types, void_carries_only_the_event) {
  run([] {
    for (std::size_t capacity : {0u, 1u, 5u}) {
      chan<void> c(capacity);
      auto f = weft::spawn([&] {
        for (int i = 0; i < 50; ++i) {
          c.send();
        }
        c.close();
      });
      int n = 0;
      while (c.recv()) {
        ++n;
      }
      EXPECT_EQ(n, 50);
      EXPECT_THROW(c.send(), weft::closed_channel);
    }
  });
}

TEST_P(channel_types, void_tries_and_times_out) {
  run([] {
    chan<void> c(1);
    EXPECT_EQ(c.try_recv(), recv_status::empty);
    EXPECT_EQ(c.recv_for(1ms), recv_status::timeout);
    EXPECT_TRUE(c.try_send());
    EXPECT_FALSE(c.try_send());
    EXPECT_FALSE(c.send_for(1ms));
    EXPECT_EQ(c.size(), 1u);
    EXPECT_EQ(c.try_recv(), recv_status::ok);
    EXPECT_TRUE(c.send_until(weft::clock::now()));
    EXPECT_EQ(c.recv_until(weft::clock::now()), recv_status::ok);
    c.close();
    EXPECT_EQ(c.try_recv(), recv_status::closed);
    EXPECT_EQ(c.recv_for(1s), recv_status::closed);
  });
}

TEST_P(channel_types, void_needs_no_memory_however_large_its_capacity) {
  run([] {
    chan<void> c(std::size_t{1} << 62);
    c.send();
    EXPECT_EQ(c.size(), 1u);
    EXPECT_EQ(c.capacity(), std::size_t{1} << 62);
    EXPECT_TRUE(c.recv());
  });
}

struct empty_type {};

TEST_P(channel_types, empty_type) {
  run([] {
    chan<empty_type> c(2);
    c.send({});
    c.send(empty_type());
    EXPECT_FALSE(c.try_send(empty_type()));
    EXPECT_TRUE(c.recv().has_value());
  });
}

struct constant {
  const int number;
};

TEST_P(channel_types, type_that_cannot_be_assigned) {
  run([] {
    chan<constant> c(1);
    c.send({5});
    EXPECT_EQ(c.recv()->number, 5);
  });
}

TEST_P(channel_types, move_only_closures) {
  run([] {
    const auto make = [](int n) { return [p = std::make_unique<int>(n)] { return *p; }; };
    chan<decltype(make(0))> c(2);
    c.send(make(1));
    auto f = weft::spawn([&] { c.send(make(2)); });
    EXPECT_EQ((*c.recv())(), 1);
    EXPECT_EQ((*c.recv())(), 2);
  });
}

TEST_P(channel_types, functions_and_pointers) {
  run([] {
    chan<std::function<int()>> functions(1);
    functions.send([] { return 3; });
    EXPECT_EQ((*functions.recv())(), 3);
    chan<const char*> pointers(1);
    pointers.send("text");
    EXPECT_STREQ(*pointers.recv(), "text");
    chan<int (*)(int)> plain(1);
    plain.send(+[](int v) { return v + 1; });
    EXPECT_EQ((*plain.recv())(1), 2);
  });
}

TEST_P(channel_types, bool_and_vector) {
  run([] {
    chan<bool> b(1);
    b.send(true);
    EXPECT_EQ(b.recv(), true);
    chan<std::vector<int>> v;
    auto f = weft::spawn([&] { v.send({1, 2, 3}); });
    EXPECT_EQ(v.recv(), (std::vector{1, 2, 3}));
  });
}

struct move_counter {
  move_counter() = default;
  move_counter(move_counter&& o) noexcept : moves(o.moves + 1) {}
  move_counter& operator=(move_counter&&) = delete;
  int moves = 0;
};

// The parameter of send() is the sender's frame.
TEST_P(channel_types, value_goes_straight_into_the_waiting_receivers_frame) {
  run([] {
    chan<move_counter> c;
    auto f = weft::spawn([&] { return c.recv()->moves; });
    wait_for_receivers(c);
    c.send(move_counter());
    EXPECT_EQ(f.join(), 1);
  });
}

TEST_P(channel_types, value_goes_straight_out_of_the_waiting_senders_frame) {
  run([] {
    chan<move_counter> c;
    auto f = weft::spawn([&] { c.send(move_counter()); });
    wait_for_senders(c);
    EXPECT_EQ(c.recv()->moves, 1);
  });
}

TEST_P(channel_types, buffered_value_is_moved_twice) {
  run([] {
    chan<move_counter> c(1);
    c.send(move_counter());
    EXPECT_EQ(c.recv()->moves, 2);
  });
}

}  // namespace
