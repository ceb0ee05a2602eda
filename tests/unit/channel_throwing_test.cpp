// A move that throws, at every place where a channel moves a value: the exception reaches the
// caller whose value it was, nothing is lost, and the channel and everybody on it go on.
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <vector>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"

namespace {

using namespace std::chrono_literals;
using weft::chan;
using weft::recv_status;
using weft_testing::wait_for_receivers;
using weft_testing::wait_for_senders;

struct refused : std::runtime_error {
  refused() : std::runtime_error("refused to move") {}
};

std::atomic<int> alive = 0;

// Throws when it is moved, as many times as `fuse` says.
struct fussy {
  explicit fussy(int v, std::atomic<int>* f = nullptr) : number(v), fuse(f) { ++alive; }
  fussy(fussy&& other) : number(other.number), fuse(other.fuse) {
    if (fuse != nullptr && fuse->load() > 0) {
      --*fuse;
      throw refused();
    }
    other.number = -1;
    ++alive;
  }
  fussy& operator=(fussy&& other) noexcept {
    number = other.number;
    fuse = other.fuse;
    return *this;
  }
  ~fussy() { --alive; }
  int number;
  std::atomic<int>* fuse;
};
static_assert(!std::is_nothrow_move_constructible_v<fussy>);

class channel_throwing : public weft_testing::on_procs {
 protected:
  void TearDown() override { EXPECT_EQ(alive, 0); }
};
WEFT_ON_PROCS(channel_throwing);

TEST_P(channel_throwing, send_into_the_buffer_sends_nothing) {
  run([] {
    chan<fussy> c(2);
    std::atomic<int> fuse = 1;
    fussy v(1, &fuse);
    EXPECT_THROW(c.try_send(v), refused);
    EXPECT_EQ(c.size(), 0u);
    EXPECT_EQ(v.number, 1);
    EXPECT_TRUE(c.try_send(v));
    EXPECT_EQ(c.recv()->number, 1);
  });
}

TEST_P(channel_throwing, send_to_a_waiting_receiver_leaves_it_waiting_in_front) {
  run([] {
    chan<fussy> c;
    auto first = weft::spawn([&] { return c.recv()->number; });
    wait_for_receivers(c, 1);
    auto second = weft::spawn([&] { return c.recv()->number; });
    wait_for_receivers(c, 2);
    std::atomic<int> fuse = 1;
    fussy v(1, &fuse);
    EXPECT_THROW(c.send_for(v, 60s), refused);
    EXPECT_EQ(weft_testing::waiting_receivers(c), 2u);
    EXPECT_TRUE(c.send_for(v, 60s));
    c.send(fussy(2));
    EXPECT_EQ(first.join(), 1);
    EXPECT_EQ(second.join(), 2);
  });
}

TEST_P(channel_throwing, receiver_put_back_in_front_keeps_its_deadline) {
  run([] {
    for (int round = 0; round < 50; ++round) {
      chan<fussy> c;
      std::atomic<int> fuse = std::numeric_limits<int>::max();
      std::atomic<bool> over = false;
      auto receiver = weft::spawn([&] {
        fussy got(0);
        EXPECT_EQ(c.recv_for(got, 200us), recv_status::timeout);
        over = true;
      });
      while (!over) {
        fussy value(1, &fuse);
        try {
          EXPECT_FALSE(c.try_send(value));
        } catch (const refused&) {
        }
        weft::this_fiber::yield();
      }
      receiver.join();
    }
  });
}

TEST_P(channel_throwing, recv_from_the_buffer_leaves_the_value_in_front) {
  run([] {
    chan<fussy> c(2);
    std::atomic<int> fuse = 0;
    c.send(fussy(1, &fuse));
    c.send(fussy(2));
    fuse = 1;
    EXPECT_THROW(c.recv(), refused);
    EXPECT_EQ(c.size(), 2u);
    EXPECT_EQ(c.recv()->number, 1);
    EXPECT_EQ(c.recv()->number, 2);
  });
}

TEST_P(channel_throwing, try_recv_and_recv_until_throw_too) {
  run([] {
    chan<fussy> c(1);
    std::atomic<int> fuse = 0;
    c.send(fussy(1, &fuse));
    fuse = 2;
    fussy v(0);
    EXPECT_THROW(c.try_recv(v), refused);
    EXPECT_THROW(c.recv_for(v, 60s), refused);
    EXPECT_EQ(v.number, 0);
    EXPECT_EQ(c.try_recv(v), recv_status::ok);
    EXPECT_EQ(v.number, 1);
  });
}

TEST_P(channel_throwing, recv_from_a_waiting_sender_leaves_it_waiting_in_front) {
  run([] {
    chan<fussy> c;
    std::atomic<int> fuse = 0;
    auto first = weft::spawn([&] { c.send(fussy(1, &fuse)); });
    wait_for_senders(c, 1);
    auto second = weft::spawn([&] { c.send(fussy(2)); });
    wait_for_senders(c, 2);
    fuse = 1;
    EXPECT_THROW(c.recv(), refused);
    EXPECT_EQ(weft_testing::waiting_senders(c), 2u);
    EXPECT_EQ(c.recv()->number, 1);
    EXPECT_EQ(c.recv()->number, 2);
  });
}

TEST_P(channel_throwing, waiting_sender_gets_the_exception_of_its_own_value) {
  run([] {
    chan<fussy> c(1);
    c.send(fussy(0));
    std::atomic<int> fuse = 0;
    fussy kept(1, &fuse);
    auto first = weft::spawn([&] { c.send_for(kept, 60s); });
    wait_for_senders(c, 1);
    auto second = weft::spawn([&] { c.send(fussy(2)); });
    wait_for_senders(c, 2);
    fuse = 1;
    EXPECT_EQ(c.recv()->number, 0);  // makes room: the first sender's value will not move
    EXPECT_THROW(first.join(), refused);
    EXPECT_EQ(kept.number, 1);
    EXPECT_EQ(c.recv()->number, 2);
    second.join();
  });
}

TEST_P(channel_throwing, all_waiting_senders_may_fail) {
  run([] {
    chan<fussy> c(1);
    c.send(fussy(0));
    std::atomic<int> fuse = 0;
    std::vector<weft::fiber<void>> fibers;
    for (std::size_t i = 0; i < 3; ++i) {
      fibers.push_back(weft::spawn([&] {
        fussy v(9, &fuse);
        c.send_for(v, 60s);
      }));
      wait_for_senders(c, i + 1);
    }
    fuse = 3;
    EXPECT_EQ(c.recv()->number, 0);
    for (auto& f : fibers) {
      EXPECT_THROW(f.join(), refused);
    }
    EXPECT_EQ(c.size(), 0u);
    c.send(fussy(4));
    EXPECT_EQ(c.recv()->number, 4);
  });
}

TEST_P(channel_throwing, value_that_never_moves_is_destroyed_with_the_channel) {
  run([] {
    std::atomic<int> fuse = 0;
    chan<fussy> c(1);
    c.send(fussy(1, &fuse));
    fuse = 1000;
    EXPECT_THROW(c.recv(), refused);
    c.close();
    EXPECT_THROW(c.recv(), refused);
  });
}

// Select ---------------------------------------------------------------------------------------

TEST_P(channel_throwing, select_of_a_send_that_throws_sends_nothing) {
  run([] {
    chan<fussy> c(1);
    std::atomic<int> fuse = 1;
    fussy v(1, &fuse);
    bool ran = false;
    EXPECT_THROW(weft::select(send(c, v, [&] { ran = true; }), recv(chan<int>())), refused);
    EXPECT_FALSE(ran);
    EXPECT_EQ(v.number, 1);
    EXPECT_EQ(c.size(), 0u);
  });
}

TEST_P(channel_throwing, select_of_a_receive_that_throws_leaves_the_value) {
  run([] {
    chan<fussy> c(1);
    std::atomic<int> fuse = 0;
    c.send(fussy(1, &fuse));
    fuse = 1;
    EXPECT_THROW(weft::select(recv(c), recv(chan<int>())), refused);
    EXPECT_EQ(c.recv()->number, 1);
  });
}

TEST_P(channel_throwing, waiting_select_survives_a_sender_whose_value_throws) {
  run([] {
    chan<fussy> c;
    chan<int> other;
    auto selecting = weft::spawn([&] {
      int got = 0;
      weft::select(recv(c, [&](std::optional<fussy> v) { got = v->number; }), recv(other));
      return got;
    });
    wait_for_receivers(c);
    std::atomic<int> fuse = 1;
    fussy v(1, &fuse);
    EXPECT_THROW(c.send_for(v, 60s), refused);
    wait_for_receivers(c);  // it has begun again
    EXPECT_TRUE(c.send_for(v, 60s));
    EXPECT_EQ(selecting.join(), 1);
  });
}

TEST_P(channel_throwing, waiting_select_keeps_its_place_in_front) {
  run([] {
    chan<fussy> c;
    chan<int> other;
    auto selecting = weft::spawn([&] {
      int got = 0;
      weft::select(recv(c, [&](std::optional<fussy> v) { got = v->number; }), recv(other));
      return got;
    });
    wait_for_receivers(c, 1);
    auto second = weft::spawn([&] { return c.recv()->number; });
    wait_for_receivers(c, 2);
    std::atomic<int> fuse = 1;
    fussy v(1, &fuse);
    EXPECT_THROW(c.send_for(v, 60s), refused);
    wait_for_receivers(c, 2);
    c.send(fussy(1));
    c.send(fussy(2));
    EXPECT_EQ(selecting.join(), 1);
    EXPECT_EQ(second.join(), 2);
  });
}

TEST_P(channel_throwing, waiting_select_survives_a_receiver_that_throws) {
  run([] {
    chan<fussy> c;
    chan<int> other;
    std::atomic<int> fuse = 0;
    auto selecting = weft::spawn([&] {
      fussy v(1, &fuse);
      return weft::select(send(c, v), recv(other));
    });
    wait_for_senders(c);
    fuse = 1;
    EXPECT_THROW(c.recv(), refused);
    wait_for_senders(c);
    EXPECT_EQ(c.recv()->number, 1);
    EXPECT_EQ(selecting.join(), 0u);
  });
}

TEST_P(channel_throwing, waiting_select_gets_the_exception_of_its_own_value) {
  run([] {
    chan<fussy> c(1);
    chan<int> other;
    c.send(fussy(0));
    std::atomic<int> fuse = 0;
    auto selecting = weft::spawn([&] {
      fussy v(1, &fuse);
      return weft::select(send(c, v), recv(other));
    });
    wait_for_senders(c);
    fuse = 1;
    EXPECT_EQ(c.recv()->number, 0);
    EXPECT_THROW(selecting.join(), refused);
    EXPECT_EQ(c.size(), 0u);
  });
}

}  // namespace
