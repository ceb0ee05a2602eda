// Built once with weft_enable_preemption() and once without; LOOPS is polled or plain.
#include "support/loops.hpp"

#include <cstddef>
#include <utility>

namespace weft_testing::LOOPS {

std::uint64_t spin_until(const std::atomic<bool>& end) {
  std::uint64_t n = 0;
  while (!end.load(std::memory_order_relaxed)) {
    ++n;
  }
  return n;
}

std::uint64_t hash(std::uint64_t seed, int rounds) {
  std::uint64_t h = 14695981039346656037U ^ seed;
  for (int i = 0; i < rounds; ++i) {
    h = (h ^ (h >> 29)) * 1099511628211U;
  }
  return h;
}

double trace_of_product(int n) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> a(size * size);
  std::vector<double> b(size * size);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<double>(i % 7);
    b[i] = static_cast<double>(i % 11) / 4;
  }
  double trace = 0;
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      trace += a[i * size + k] * b[k * size + i];
    }
  }
  return trace;
}

// Polls stand in weft's own templates here, and in what they call inside the runtime.
std::uint64_t pass_on(weft::chan<std::vector<int>> from, weft::chan<std::vector<int>> to) {
  std::uint64_t sum = 0;
  for (std::vector<int> items : from) {
    for (const int item : items) {
      sum += static_cast<std::uint64_t>(item);
    }
    to.send(std::move(items));
  }
  to.close();
  return sum;
}

}  // namespace weft_testing::LOOPS
