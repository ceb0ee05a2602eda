// What the polls of weft_enable_preemption() cost in loops that compute: each kernel with and
// without, in turn, eleven times, in a fiber that is alone. Prints medians.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <weft/weft.hpp>

#include "kernels.hpp"

namespace {

constexpr int rounds = 11;

// CPU time of the thread, which is one and the same: there is one P, and nobody else to run on it.
double thread_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

template <class Work>
double milliseconds(Work&& work) {
  const double start = thread_ms();
  work();
  return thread_ms() - start;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + rounds / 2, values.end());
  return values[rounds / 2];
}

template <class Plain, class Polled>
void compare(const char* name, Plain&& plain, Polled&& polled) {
  std::vector<double> without;
  std::vector<double> with;
  for (int i = 0; i < rounds; ++i) {
    without.push_back(milliseconds(plain));
    with.push_back(milliseconds(polled));
  }
  const double base = median(without);
  const double cost = median(with);
  std::printf("%-16s %8.2f ms plain %8.2f ms polled  %+.0f %%\n", name, base, cost,
              100 * (cost / base - 1));
}

void require(bool same) {
  if (!same) {
    std::fprintf(stderr, "polls: the results differ\n");
    std::exit(1);
  }
}

void compare_hashes() {
  std::vector<unsigned char> bytes(16 << 20);
  std::iota(bytes.begin(), bytes.end(), 0);
  std::uint64_t plain = 0;
  std::uint64_t polled = 1;
  compare(
      "hash of 16 MiB", [&] { plain = bench::plain::hash(bytes.data(), bytes.size()); },
      [&] { polled = bench::polled::hash(bytes.data(), bytes.size()); });
  require(plain == polled);
}

void compare_products() {
  constexpr std::size_t n = 384;
  std::vector<double> a(n * n);
  std::vector<double> b(n * n);
  std::iota(a.begin(), a.end(), 1.0);
  std::iota(b.begin(), b.end(), 2.0);
  std::vector<double> plain(n * n);
  std::vector<double> polled(n * n);
  compare(
      "384 x 384 matrix", [&] { bench::plain::multiply(plain, a, b, n); },
      [&] { bench::polled::multiply(polled, a, b, n); });
  require(plain == polled);
}

}  // namespace

int main() {
  weft::run(
      [] {
        compare_hashes();
        compare_products();
      },
      {.procs = 1});
}
