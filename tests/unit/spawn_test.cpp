// go() and spawn(): closures of every kind, results, names, stack sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using weft_testing::eventually;
using weft_testing::flag;

class spawn : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(spawn);

TEST_P(spawn, go_runs_the_closure) {
  flag ran;
  weft::go([&] { ran.set(); });
  ran.wait();
}

TEST_P(spawn, go_decay_copies_its_arguments) {
  std::string text = "before";
  flag changed;
  auto copied = weft::spawn(
      [&changed](const std::string& s) {
        changed.wait();
        return s;
      },
      text);
  text = "after";
  changed.set();
  EXPECT_EQ(copied.join(), "before");
}

TEST_P(spawn, result_void_returns) {
  bool ran = false;
  weft::spawn([&] { ran = true; }).join();
  EXPECT_TRUE(ran);
}

TEST_P(spawn, result_reference_is_the_same_object) {
  int value = 1;
  int& got = weft::spawn([&]() -> int& { return value; }).join();
  EXPECT_EQ(&got, &value);
}

TEST_P(spawn, result_move_only_is_moved_out) {
  auto got = weft::spawn([] { return std::make_unique<int>(7); }).join();
  EXPECT_EQ(*got, 7);
}

TEST_P(spawn, result_without_default_constructor_works) {
  struct strange {
    explicit strange(int v) : value(v) {}
    int value;
  };
  EXPECT_EQ(weft::spawn([] { return strange(3); }).join().value, 3);
}

TEST_P(spawn, result_exception_ptr_is_a_value) {
  const auto got = weft::spawn([] { return std::make_exception_ptr(1); }).join();
  EXPECT_THROW(std::rethrow_exception(got), int);
}

TEST_P(spawn, result_large_arrives_whole) {
  using block = std::array<std::uint64_t, 4096>;
  const auto got = weft::spawn([] {
                     block b;
                     for (std::size_t i = 0; i < b.size(); ++i) {
                       b[i] = i * i;
                     }
                     return b;
                   }).join();
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i], i * i);
  }
}

struct alignas(128) wide {
  int value = 0;
  bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % 128 == 0; }
};

TEST_P(spawn, closure_over_aligned_is_aligned) {
  wide w{5};
  EXPECT_TRUE(weft::spawn([w] { return w.aligned() && w.value == 5; }).join());
  flag ran;
  weft::go([w, &ran] {
    EXPECT_TRUE(w.aligned());
    ran.set();
  });
  ran.wait();
}

TEST_P(spawn, result_over_aligned_is_aligned) {
  auto handle = weft::spawn([] { return wide{9}; });
  EXPECT_EQ(handle.join().value, 9);
}

TEST_P(spawn, detached_closure_of_any_size_arrives_and_is_destroyed) {
  auto counted = std::make_shared<int>(1);
  const auto check = [&]<std::size_t Size>() {
    std::array<char, Size> bytes;
    bytes.fill('x');
    flag ran;
    weft::go([bytes, counted, &ran] {
      for (const char c : bytes) {
        ASSERT_EQ(c, 'x');
      }
      ran.set();
    });
    ran.wait();
  };
  check.operator()<1>();
  check.operator()<40>();
  check.operator()<64>();
  check.operator()<65>();
  check.operator()<1000>();
  check.operator()<100'000>();
  EXPECT_TRUE(eventually([&] { return counted.use_count() == 1; }));
}

TEST_P(spawn, detached_closure_of_trivial_bytes_arrives) {
  struct trivial {
    std::uint64_t words[6];
    flag* done;
  };
  flag done;
  trivial t{{1, 2, 3, 4, 5, 6}, &done};
  weft::go([t] {
    EXPECT_EQ(t.words[5], 6U);
    t.done->set();
  });
  done.wait();
}

TEST_P(spawn, move_only_closure_and_arguments_work) {
  auto owned = std::make_unique<int>(3);
  auto handle = weft::spawn([o = std::move(owned)](std::unique_ptr<int> p) { return *o + *p; },
                            std::make_unique<int>(4));
  EXPECT_EQ(handle.join(), 7);
}

TEST_P(spawn, member_functions_work) {
  struct counter {
    int add(int n) { return value += n; }
    int value = 1;
  } c;
  EXPECT_EQ(weft::spawn(&counter::add, &c, 2).join(), 3);
}

TEST_P(spawn, mutable_closure_works) {
  EXPECT_EQ(weft::spawn([n = 1]() mutable { return ++n; }).join(), 2);
}

TEST_P(spawn, from_a_fiber_nests) {
  const std::function<int(int)> fib = [&](int n) -> int {
    if (n < 2) {
      return n;
    }
    auto left = weft::spawn(fib, n - 1);
    return fib(n - 2) + left.join();
  };
  EXPECT_EQ(weft::spawn(fib, 15).join(), 610);
}

TEST_P(spawn, ids_are_unique) {
  std::vector<weft::fiber<weft::fiber_id>> fibers;
  for (int i = 0; i < 500; ++i) {
    fibers.push_back(weft::spawn([] { return weft::this_fiber::get_id(); }));
  }
  std::vector<weft::fiber_id> ids;
  for (auto& f : fibers) {
    const auto expected = f.id();
    EXPECT_NE(expected, 0U);
    ids.push_back(f.join());
    EXPECT_EQ(ids.back(), expected);
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

// Uses `bytes` of stack.
[[gnu::noinline]] int use_stack(std::size_t bytes) {
  constexpr std::size_t frame = 1024;
  volatile char buffer[frame];
  std::memset(const_cast<char*>(buffer), 1, frame);
  return (bytes > frame ? use_stack(bytes - frame) : 0) + buffer[frame / 2];
}

TEST_P(spawn, stack_size_of_its_own_is_there) {
  constexpr std::size_t size = 4 << 20;
  auto handle = weft::spawn({.stack_size = size}, [] {
    EXPECT_GT(weft::this_fiber::stack_remaining(), (std::size_t{4} << 20) - 32 * 1024);
    return use_stack(2 << 20);
  });
  EXPECT_GT(handle.join(), 0);
}

TEST_P(spawn, thousands_with_stack_sizes_of_their_own) {
  constexpr int count = weft_testing::scaled(3000, 300);
  std::atomic<int> ran{0};
  flag go_on;
  for (int i = 0; i < count; ++i) {
    weft::go({.stack_size = 16'384 + static_cast<std::size_t>(i % 7) * 4096}, [&] {
      weft::this_fiber::yield();
      ++ran;
    });
  }
  EXPECT_TRUE(eventually([&] { return ran == count; })) << ran;
}

TEST_P(spawn, own_and_default_stacks_mix) {
  std::vector<weft::fiber<int>> fibers;
  for (int i = 0; i < 200; ++i) {
    if (i % 3 == 0) {
      fibers.push_back(weft::spawn({.stack_size = 65'536}, [i] { return i; }));
    } else {
      fibers.push_back(weft::spawn([i] {
        weft::this_fiber::yield();
        return i;
      }));
    }
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(fibers[static_cast<std::size_t>(i)].join(), i);
  }
}

TEST_P(spawn, name_of_any_length_is_accepted) {
  weft::spawn({.name = std::string(5000, 'n')}, [] {
    weft::this_fiber::set_name("another");
    weft::this_fiber::set_name("");
  }).join();
}

TEST_P(spawn, closure_whose_copy_throws_starts_nothing) {
  struct thrower {
    thrower() = default;
    thrower(const thrower&) { throw std::runtime_error("no copy"); }
    void operator()() const { ADD_FAILURE() << "ran"; }
    char big[200] = {};
  };
  const thrower t;
  for (int i = 0; i < 100; ++i) {
    EXPECT_THROW(weft::go(t), std::runtime_error);
    EXPECT_THROW(weft::spawn(t), std::runtime_error);
    EXPECT_THROW(weft::go({.name = "x", .stack_size = 65'536}, t), std::runtime_error);
  }
  weft::spawn([&] {
    EXPECT_THROW(weft::go(t), std::runtime_error);
    EXPECT_THROW(weft::spawn({.stack_size = 65'536}, t), std::runtime_error);
  }).join();
  EXPECT_EQ(weft_testing::live_fibers(), 0);
}

TEST_P(spawn, empty_functions_are_refused_at_the_call) {
  std::function<void()> empty;
  void (*null)() = nullptr;
  EXPECT_THROW(weft::go(empty), std::bad_function_call);
  EXPECT_THROW(weft::go(std::function<void()>()), std::bad_function_call);
  EXPECT_THROW(weft::spawn(empty), std::bad_function_call);
  EXPECT_THROW(weft::go(null), std::bad_function_call);
  EXPECT_THROW(weft::go({.name = "x"}, empty), std::bad_function_call);
  EXPECT_EQ(weft_testing::live_fibers(), 0);
}

TEST_P(spawn, absurd_stack_size_is_refused_and_harms_nothing) {
  const auto ran = [] { return 1; };
  EXPECT_ANY_THROW(weft::spawn({.stack_size = SIZE_MAX}, ran));
  EXPECT_ANY_THROW(weft::spawn({.stack_size = std::size_t{1} << 60}, ran));
  EXPECT_EQ(weft::spawn({.stack_size = 1}, ran).join(), 1);
  EXPECT_EQ(weft::spawn(ran).join(), 1);
}

// The compiler may use aligned vector instructions on these.
template <std::size_t Align>
int sum_of_aligned_locals() {
  struct alignas(Align) lanes {
    float v[Align / 4];
  };
  lanes a;
  lanes b;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&a) % Align, 0U);
  for (std::size_t i = 0; i < Align / 4; ++i) {
    a.v[i] = static_cast<float>(i);
  }
  weft::this_fiber::yield();
  for (std::size_t i = 0; i < Align / 4; ++i) {
    b.v[i] = a.v[i] * 2;
  }
  float sum = 0;
  for (const float f : b.v) {
    sum += f;
  }
  return static_cast<int>(sum);
}

TEST_P(spawn, vector_locals_are_aligned) {
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 64; ++i) {
    fibers.push_back(weft::spawn([] {
      EXPECT_EQ(sum_of_aligned_locals<16>(), 12);
      EXPECT_EQ(sum_of_aligned_locals<32>(), 56);
      EXPECT_EQ(sum_of_aligned_locals<64>(), 240);
    }));
  }
  for (auto& f : fibers) {
    f.join();
  }
}

#if defined(__x86_64__)
// A store that faults if its place is not aligned.
[[gnu::target("avx"), gnu::noinline]] float store_and_load_avx(float value) {
  alignas(32) std::array<float, 8> place;
  asm volatile(
      "vbroadcastss %1, %%ymm0\n\t"
      "vmovaps %%ymm0, %0"
      : "=m"(place)
      : "m"(value)
      : "xmm0");
  weft::this_fiber::yield();
  float sum = 0;
  for (const float f : place) {
    sum += f;
  }
  return sum;
}

TEST_P(spawn, avx_stores_to_locals_are_aligned) {
  if (!__builtin_cpu_supports("avx")) {
    GTEST_SKIP() << "no AVX";
  }
  std::vector<weft::fiber<float>> fibers;
  for (int i = 0; i < 64; ++i) {
    fibers.push_back(weft::spawn([] { return store_and_load_avx(1.5F); }));
  }
  for (auto& f : fibers) {
    EXPECT_EQ(f.join(), 12);
  }
}
#endif

TEST_P(spawn, many_at_once_all_run) {
  constexpr int count = weft_testing::scaled(20'000, 2000);
  std::atomic<int> ran{0};
  for (int i = 0; i < count; ++i) {
    weft::go([&] { ++ran; });
  }
  EXPECT_TRUE(eventually([&] { return ran == count; })) << ran;
}

TEST_P(spawn, from_several_threads_all_run) {
  constexpr int per_thread = weft_testing::scaled(5000, 500);
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < per_thread; ++i) {
        weft::go([&] { ++ran; });
      }
    });
  }
  for (auto& t : threads) {
    t.join();
  }
  EXPECT_TRUE(eventually([&] { return ran == 4 * per_thread; })) << ran;
}

}  // namespace
