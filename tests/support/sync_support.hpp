// Small helpers of the tests of sync/: fibers in numbers, and fibers that are unwound.
#pragma once

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "support/runtime_fixture.hpp"
#include "weft/clock.hpp"
#include "weft/go.hpp"

namespace weft_testing {

// Runs f as a fiber and waits for it.
template <class F>
void in_fiber(F&& f) {
  weft::spawn(std::forward<F>(f)).join();
}

// f(0) to f(n - 1), each in a fiber of its own. The destructor joins.
template <class F>
std::vector<weft::fiber<void>> spawn_many(int n, F f) {
  std::vector<weft::fiber<void>> fibers;
  fibers.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    fibers.push_back(weft::spawn([f, i] { f(i); }));
  }
  return fibers;
}

inline void join_all(std::vector<weft::fiber<void>>& fibers) {
  for (auto& f : fibers) {
    f.join();
  }
}

// The same with plain threads, joined at once.
template <class F>
std::vector<std::jthread> thread_many(int n, F f) {
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    threads.emplace_back([f, i] { f(i); });
  }
  return threads;
}

// Keeps the caller busy until that much time has passed: where time itself is what is tested.
inline void spend(weft::duration d) {
  const auto end = weft::clock::now() + d;
  while (weft::clock::now() < end) {
  }
}

// How a wait ended.
enum class ending { none, returned, unwound };

// Calls f and tells how it ended. unwind goes on, as it must.
template <class F>
void note_ending(ending& to, F&& f) {
  try {
    f();
    to = ending::returned;
  } catch (const weft::unwind&) {
    to = ending::unwound;
    throw;
  }
}

}  // namespace weft_testing
