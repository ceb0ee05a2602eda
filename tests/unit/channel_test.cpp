// chan: sending, receiving and closing.
#include "weft/channel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>
#include <ranges>
#include <string>
#include <vector>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/go.hpp"

namespace {

using weft::chan;
using weft::recv_status;
using weft_testing::wait_for_receivers;
using weft_testing::wait_for_senders;
using weft_testing::waiting_receivers;
using weft_testing::waiting_senders;

class channel : public weft_testing::on_procs {};
WEFT_ON_PROCS(channel);

// Rendezvous -----------------------------------------------------------------------------------

TEST_P(channel, unbuffered_send_waits_for_the_receiver) {
  run([] {
    chan<int> c;
    std::atomic<bool> sent = false;
    auto f = weft::spawn([&] {
      c.send(7);
      sent = true;
    });
    wait_for_senders(c);
    EXPECT_FALSE(sent);
    EXPECT_EQ(c.recv(), 7);
    f.join();
    EXPECT_TRUE(sent);
  });
}

TEST_P(channel, unbuffered_recv_waits_for_the_sender) {
  run([] {
    chan<int> c;
    auto f = weft::spawn([&] { return *c.recv(); });
    wait_for_receivers(c);
    c.send(8);
    EXPECT_EQ(f.join(), 8);
  });
}

TEST_P(channel, ping_pong_keeps_the_values) {
  run([] {
    chan<int> ping, pong;
    auto f = weft::spawn([&] {
      for (int v : ping) {
        pong.send(v + 1);
      }
    });
    int v = 0;
    for (int i = 0; i < 2000; ++i) {
      ping.send(v);
      v = *pong.recv();
    }
    EXPECT_EQ(v, 2000);
    ping.close();
  });
}

// Buffers --------------------------------------------------------------------------------------

TEST_P(channel, buffered_send_does_not_wait_while_there_is_room) {
  run([] {
    chan<int> c(3);
    c.send(1);
    c.send(2);
    c.send(3);
    EXPECT_EQ(c.size(), 3u);
    EXPECT_FALSE(c.try_send(4));
  });
}

TEST_P(channel, values_come_in_the_order_they_were_sent) {
  for (std::size_t capacity : {0u, 1u, 2u, 3u, 5u, 64u, 100u}) {
    run([capacity] {
      chan<int> c(capacity);
      auto f = weft::spawn([&] {
        for (int i = 0; i < 1000; ++i) {
          c.send(i);
        }
        c.close();
      });
      int expected = 0;
      for (int v : c) {
        ASSERT_EQ(v, expected++);
      }
      EXPECT_EQ(expected, 1000);
    });
  }
}

TEST_P(channel, ring_wraps_at_a_capacity_that_is_no_power_of_two) {
  run([] {
    chan<int> c(3);
    int sent = 0, received = 0;
    for (int round = 0; round < 10; ++round) {
      while (c.try_send(sent)) {
        ++sent;
      }
      for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(c.recv(), received++);
      }
    }
    EXPECT_EQ(sent - received, 1);
  });
}

TEST_P(channel, waiting_receiver_gets_the_value_past_the_buffer) {
  run([] {
    chan<int> c(4);
    auto f = weft::spawn([&] { return *c.recv(); });
    wait_for_receivers(c);
    c.send(1);
    EXPECT_EQ(c.size(), 0u);
    EXPECT_EQ(f.join(), 1);
  });
}

TEST_P(channel, recv_from_a_full_channel_lets_the_first_waiting_sender_in) {
  run([] {
    chan<int> c(2);
    c.send(0);
    c.send(1);
    auto f = weft::spawn([&] { c.send(2); });
    wait_for_senders(c);
    EXPECT_EQ(c.recv(), 0);
    EXPECT_EQ(c.size(), 2u);
    f.join();
    EXPECT_EQ(c.recv(), 1);
    EXPECT_EQ(c.recv(), 2);
  });
}

// Order of waiters -----------------------------------------------------------------------------

TEST_P(channel, waiting_receivers_are_served_in_order) {
  run([] {
    chan<int> c;
    std::array<std::atomic<int>, 5> got{};
    std::vector<weft::fiber<void>> fibers;
    for (std::size_t i = 0; i < got.size(); ++i) {
      fibers.push_back(weft::spawn([&, i] { got[i] = *c.recv(); }));
      wait_for_receivers(c, i + 1);
    }
    for (int v = 0; v < 5; ++v) {
      c.send(v);
    }
    fibers.clear();
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(got[static_cast<std::size_t>(i)], i);
    }
  });
}

TEST_P(channel, waiting_senders_are_served_in_order) {
  for (std::size_t capacity : {0u, 2u}) {
    run([capacity] {
      chan<int> c(capacity);
      for (std::size_t i = 0; i < capacity; ++i) {
        c.send(static_cast<int>(i) - static_cast<int>(capacity));
      }
      std::vector<weft::fiber<void>> fibers;
      for (int i = 0; i < 5; ++i) {
        fibers.push_back(weft::spawn([&, i] { c.send(i); }));
        wait_for_senders(c, static_cast<std::size_t>(i) + 1);
      }
      for (int v = -static_cast<int>(capacity); v < 5; ++v) {
        EXPECT_EQ(c.recv(), v);
      }
    });
  }
}

// Close ----------------------------------------------------------------------------------------

TEST_P(channel, close_wakes_all_receivers) {
  run([] {
    chan<int> c;
    std::vector<weft::fiber<bool>> fibers;
    for (std::size_t i = 0; i < 4; ++i) {
      fibers.push_back(weft::spawn([&] { return c.recv().has_value(); }));
    }
    wait_for_receivers(c, 4);
    c.close();
    for (auto& f : fibers) {
      EXPECT_FALSE(f.join());
    }
  });
}

TEST_P(channel, close_makes_waiting_senders_throw) {
  run([] {
    chan<std::string> c;
    std::vector<weft::fiber<void>> fibers;
    for (std::size_t i = 0; i < 4; ++i) {
      fibers.push_back(weft::spawn([&] { c.send("never received"); }));
    }
    wait_for_senders(c, 4);
    c.close();
    for (auto& f : fibers) {
      EXPECT_THROW(f.join(), weft::closed_channel);
    }
    EXPECT_EQ(c.recv(), std::nullopt);
  });
}

TEST_P(channel, values_sent_before_close_are_received_after_it) {
  run([] {
    chan<int> c(3);
    c.send(1);
    c.send(2);
    c.close();
    EXPECT_TRUE(c.closed());
    EXPECT_EQ(c.recv(), 1);
    EXPECT_EQ(c.recv(), 2);
    EXPECT_EQ(c.recv(), std::nullopt);
    EXPECT_EQ(c.recv(), std::nullopt);
  });
}

// Ordering -------------------------------------------------------------------------------------

TEST_P(channel, send_happens_before_its_receive) {
  run([] {
    chan<void> c;
    int plain = 0;
    auto f = weft::spawn([&] {
      for (int i = 0; i < 200; ++i) {
        plain = i;
        c.send();
        c.recv();
      }
    });
    for (int i = 0; i < 200; ++i) {
      c.recv();
      ASSERT_EQ(plain, i);
      c.send();
    }
  });
}

TEST_P(channel, kth_receive_happens_before_the_send_that_needs_its_room) {
  run([] {
    constexpr std::size_t permits = 1;  // as a mutex
    chan<void> c(permits);
    int plain = 0;
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 8; ++i) {
      fibers.push_back(weft::spawn([&] {
        for (int k = 0; k < 100; ++k) {
          c.send();
          ++plain;
          c.recv();
        }
      }));
    }
    fibers.clear();
    EXPECT_EQ(plain, 800);
  });
}

TEST_P(channel, close_happens_before_the_receive_that_sees_it) {
  run([] {
    chan<void> waited, polled;
    int plain = 0;
    auto f = weft::spawn([&] {
      EXPECT_FALSE(waited.recv());
      EXPECT_EQ(plain, 1);
    });
    auto g = weft::spawn([&] {
      weft_testing::wait_until([&] { return polled.try_recv() == recv_status::closed; });
      EXPECT_EQ(plain, 1);
    });
    plain = 1;
    polled.close();
    waited.close();
  });
}

// Crowds ---------------------------------------------------------------------------------------

TEST_P(channel, every_value_of_many_producers_is_received_once) {
  for (std::size_t capacity : {0u, 1u, 16u}) {
    run([capacity] {
      constexpr int producers = 8, each = 200;
      chan<int> c(capacity);
      std::vector<weft::fiber<void>> sending;
      for (int p = 0; p < producers; ++p) {
        sending.push_back(weft::spawn([&, p] {
          for (int i = 0; i < each; ++i) {
            c.send(p * each + i);
          }
        }));
      }
      std::vector<weft::fiber<std::vector<int>>> receiving;
      for (int r = 0; r < 4; ++r) {
        receiving.push_back(weft::spawn([&] {
          std::vector<int> got;
          for (int v : c) {
            got.push_back(v);
          }
          return got;
        }));
      }
      sending.clear();
      c.close();
      std::vector<int> all;
      for (auto& f : receiving) {
        const std::vector<int> got = f.join();
        all.insert(all.end(), got.begin(), got.end());
      }
      std::ranges::sort(all);
      std::vector<int> expected(producers * each);
      std::iota(expected.begin(), expected.end(), 0);
      EXPECT_EQ(all, expected);
    });
  }
}

TEST_P(channel, prime_sieve_finds_primes) {
  run([] {
    const auto filter = [](weft::receiver<int> in, weft::sender<int> out, int prime) {
      for (int v : in) {
        if (v % prime != 0) {
          out.send(v);
        }
      }
    };
    chan<int> numbers;
    weft::go([numbers] {
      for (int i = 2;; ++i) {
        numbers.send(i);
      }
    });
    weft::receiver<int> in = numbers;
    std::vector<int> primes;
    for (int i = 0; i < 25; ++i) {
      primes.push_back(*in.recv());
      chan<int> next;
      weft::go(filter, in, next.tx(), primes.back());
      in = next;
    }
    EXPECT_EQ(primes.front(), 2);
    EXPECT_EQ(primes.back(), 97);
  });
}

}  // namespace
