// What is promised to allocate nothing: go() with small closures, channel operations, select with
// its cases as arguments. Counted by this program's own operator new, on all threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "support/chan_probe.hpp"
#include "support/on_procs.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"
#include "weft/sync.hpp"

namespace {

std::atomic<std::uint64_t> allocations{0};

void* allocate(std::size_t size, std::size_t align) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = nullptr;
  if (posix_memalign(&memory, std::max(align, sizeof(void*)), std::max<std::size_t>(size, 1)) !=
      0) {
    throw std::bad_alloc();
  }
  return memory;
}

}  // namespace

// The others of the standard library call these.
void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t align) {
  return allocate(size, static_cast<std::size_t>(align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using namespace std::chrono_literals;
using weft::chan;
using weft::select;

class allocations_of : public weft_testing::on_procs {};
WEFT_ON_PROCS(allocations_of);

constexpr int many = weft_testing::scaled(1000, 100);

// The least that some rounds of `many` calls have allocated. What grows with the greatest number of
// fibers or timers there ever was may do so in one round or another, depending on who runs when;
// what each call needs is needed in every round.
std::uint64_t least_for(const std::function<void(int)>& call) {
  std::uint64_t least = ~std::uint64_t{0};
  for (int round = 0; round < 50 && least > 0; ++round) {
    const std::uint64_t before = allocations;
    for (int i = 0; i < many; ++i) {
      call(i);
    }
    least = std::min(least, allocations - before);
  }
  return least;
}

template <std::size_t Size>
struct closure {
  std::atomic<int>* ran;
  std::array<char, Size - sizeof(void*)> more{};
  void operator()() const { ++*ran; }
};

// Starts one, and waits for its end without weft, which might allocate for that.
template <class F>
void start_one(std::atomic<int>& ran, F&& f) {
  const int before = ran;
  weft::go(std::forward<F>(f));
  weft_testing::wait_until([&] { return ran > before; });
}

template <std::size_t Size>
std::uint64_t least_for_go() {
  std::atomic<int> ran{0};
  static_assert(sizeof(closure<Size>) == Size);
  return least_for([&](int) { start_one(ran, closure<Size>{&ran}); });
}

void expect_small_closures_need_none() {
  EXPECT_EQ(least_for_go<16>(), 0U);
  EXPECT_EQ(least_for_go<64>(), 0U);
  std::atomic<int> ran{0};
  const auto kept = std::make_shared<int>(0);
  EXPECT_EQ(least_for([&](int) { start_one(ran, [&ran, kept] { ++ran; }); }), 0U);
  EXPECT_GE(least_for_go<72>(), static_cast<unsigned>(many)) << "the count does not work";
}

TEST_P(allocations_of, go_with_small_closures_are_none) {
  run([] { expect_small_closures_need_none(); });
}

TEST_P(allocations_of, go_with_small_closures_on_a_thread_are_none) {
  weft::start({.procs = GetParam()});
  expect_small_closures_need_none();
  weft::stop();
}

// Passes numbers there and back with a fiber at the other end.
template <class Receive, class Send>
void expect_none(chan<int> there, chan<int> back, Receive receive, Send send) {
  weft::wait_group group;
  group.go([=] {
    for (;;) {
      const std::optional<int> v = receive(there);
      if (!v) {
        return;
      }
      send(back, *v + 1);
    }
  });
  EXPECT_EQ(least_for([&](int i) {
              send(there, i);
              EXPECT_EQ(receive(back), i + 1);
            }),
            0U);
  there.close();
  group.wait();
}

std::optional<int> receive_plainly(const chan<int>& c) { return c.recv(); }
void send_plainly(const chan<int>& c, int v) { c.send(v); }

std::optional<int> receive_in_time(const chan<int>& c) {
  int v = 0;
  return c.recv_for(v, 1h) == weft::recv_status::ok ? std::optional(v) : std::nullopt;
}
void send_in_time(const chan<int>& c, int v) { EXPECT_TRUE(c.send_for(v, 1h)); }

// Of three cases, so that it is no plain operation in disguise.
std::optional<int> receive_selecting(const chan<int>& c) {
  const chan<int> never = weft::nil;
  std::optional<int> got;
  select(recv(never), recv(c, [&](std::optional<int> v) { got = v; }), weft::after(1h, [] {}));
  return got;
}
void send_selecting(const chan<int>& c, int v) {
  const chan<int> never = weft::nil;
  EXPECT_EQ(select(send(never, 0), send(c, v), weft::after(1h, [] {})), 1U);
}

void pass_in_all_ways() {
  for (const std::size_t capacity : {0, 4}) {
    const chan<int> there(capacity);
    expect_none(there, chan<int>(capacity), receive_plainly, send_plainly);
    expect_none(chan<int>(capacity), chan<int>(capacity), receive_in_time, send_in_time);
    expect_none(chan<int>(capacity), chan<int>(capacity), receive_selecting, send_selecting);
  }
}

TEST_P(allocations_of, channels_and_selects_of_fibers_are_none) {
  run([] { pass_in_all_ways(); });
}

TEST_P(allocations_of, channels_and_selects_of_a_thread_are_none) {
  weft::start({.procs = GetParam()});
  pass_in_all_ways();
  weft::stop();
}

TEST_P(allocations_of, what_does_not_wait_are_none) {
  run([] {
    const chan<int> c(1);
    EXPECT_EQ(least_for([&](int i) {
                int v = i;
                EXPECT_TRUE(c.try_send(v));
                EXPECT_FALSE(c.try_send(v));
                EXPECT_EQ(c.try_recv(v), weft::recv_status::ok);
                EXPECT_EQ(select(recv(c), send(c, v)), 1U);
                EXPECT_EQ(select(recv(c), weft::otherwise()), 0U);
                EXPECT_EQ(select(recv(c), weft::otherwise()), 1U);
              }),
              0U);
  });
}

}  // namespace
