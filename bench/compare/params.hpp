// The parameters of every workload and the answer each one must give: one place, so that no two
// systems can differ in how much they do. gocommon/params.go is the same list for the Go programs.

#pragma once

#include <cstdint>

namespace bench {

namespace w01 {
inline constexpr std::int64_t yields_per_fiber = 5'000'000;
}

namespace w02 {
inline constexpr std::int64_t fibers = 1'000'000;
inline constexpr std::int64_t wave = 1000;
}  // namespace w02

namespace w03 {
inline constexpr std::int64_t round_trips = 1'000'000;
}

namespace w04 {
inline constexpr std::int64_t items = 10'000'000;
inline constexpr std::int64_t capacity = 128;
}  // namespace w04

namespace w05 {
inline constexpr std::int64_t items = 8'000'000;
inline constexpr std::int64_t capacity = 128;
inline constexpr std::int64_t producers = 8;
inline constexpr std::int64_t consumers = 8;
}  // namespace w05

namespace w06 {
inline constexpr std::int64_t fibers = 64;
inline constexpr std::int64_t pairs_per_fiber = 100'000;
}  // namespace w06

namespace w07 {
inline constexpr std::int64_t receives = 2'000'000;
inline constexpr std::int64_t senders = 4;
}  // namespace w07

namespace w08 {
inline constexpr std::int64_t leaves = 1'000'000;
inline constexpr std::int64_t branches = 10;
}  // namespace w08

namespace w09 {
inline constexpr std::int64_t fibers = 1'000'000;
}

namespace w10 {
inline constexpr std::int64_t fibers = 100'000;
inline constexpr std::int64_t sleeps_per_fiber = 10;
inline constexpr std::uint64_t longest_ns = 100'000'000;

// The length of one sleep: splitmix64 of fiber and round, so that every system sleeps the same
// set of times without sharing a generator.
constexpr std::int64_t sleep_ns(std::int64_t fiber, std::int64_t round) {
  std::uint64_t z =
      static_cast<std::uint64_t>(fiber * sleeps_per_fiber + round + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<std::int64_t>((z ^ (z >> 31)) % longest_ns);
}
}  // namespace w10

namespace w13 {
inline constexpr int full_n = 27;

constexpr std::int64_t fib(int n) {
  std::int64_t a = 0, b = 1;
  for (; n > 0; --n) {
    const std::int64_t next = a + b;
    a = b;
    b = next;
  }
  return a;
}

// Each call with n >= 2 forks once.
constexpr std::int64_t spawns(int n) { return fib(n + 1) - 1; }
static_assert(spawns(full_n) == 317'810);
}  // namespace w13

namespace w15 {
inline constexpr std::int64_t wakes = 2000;
inline constexpr std::int64_t period_ns = 1'000'000;
}  // namespace w15

// One fiber sleeps for a millisecond, over and over, beside fibers (hogs) that never call the
// runtime or block their thread.
namespace w16 {
inline constexpr std::int64_t sleep_ns = 1'000'000;
inline constexpr std::int64_t warm_up_ns = 1'000'000'000;
inline constexpr std::int64_t measured_ns = 5'000'000'000;
inline constexpr std::int64_t give_up_ns = 2'000'000'000;  // asleep for that long: for ever
inline constexpr std::int64_t block_ns = 1'000'000'000;

enum class hog { spin, malloc, block };
struct kind {
  const char* name;
  std::int64_t hogs;
  hog what;
};
// w17 is `usleep` and `blocking`; w16 has the others.
inline constexpr kind kinds[] = {
    {"none", 0, hog::spin},      {"spin4", 4, hog::spin},   {"spin32", 32, hog::spin},
    {"malloc4", 4, hog::malloc}, {"usleep", 4, hog::block}, {"blocking", 4, hog::block},
};

// A malloc storm: this many live blocks, one of them replaced at a time, sizes from 16 bytes.
inline constexpr std::size_t blocks = 64;
inline constexpr std::uint64_t smallest = 16;
inline constexpr std::uint64_t largest = 4096;
constexpr std::uint64_t next_random(std::uint64_t x) {
  return x * 6364136223846793005u + 1442695040888963407u;
}
constexpr std::size_t block_of(std::uint64_t random) { return random >> 58; }
constexpr std::size_t size_of(std::uint64_t random) {
  return smallest + (random >> 33) % (largest - smallest);
}
}  // namespace w16

// Sum of 1..n, the answer of every workload that moves the numbers 1..n through channels.
constexpr std::int64_t sum_to(std::int64_t n) { return n * (n + 1) / 2; }

}  // namespace bench
