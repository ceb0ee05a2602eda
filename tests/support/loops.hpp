// Loops that call nothing, each compiled twice: with polls and without.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "weft/channel.hpp"

#define WEFT_TEST_LOOPS(kind)                                                                \
  namespace weft_testing::kind {                                                             \
  std::uint64_t spin_until(const std::atomic<bool>& end);                                    \
  std::uint64_t hash(std::uint64_t seed, int rounds);                                        \
  double trace_of_product(int n);                                                            \
  std::uint64_t pass_on(weft::chan<std::vector<int>> from, weft::chan<std::vector<int>> to); \
  }

WEFT_TEST_LOOPS(polled)
WEFT_TEST_LOOPS(plain)
