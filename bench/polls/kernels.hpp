// Two loops without calls, compiled without polls (plain) and with them (polled).
#pragma once

#include <cstdint>
#include <vector>

#define BENCH_KERNELS(kind)                                                          \
  namespace bench::kind {                                                            \
  /* A multiplicative hash of `n` bytes. */                                          \
  std::uint64_t hash(const unsigned char* bytes, std::size_t n);                     \
  /* c = a * b for n x n matrices, row by row: the form that compilers vectorise. */ \
  void multiply(std::vector<double>& c, const std::vector<double>& a,                \
                const std::vector<double>& b, std::size_t n);                        \
  }

BENCH_KERNELS(plain)
BENCH_KERNELS(polled)
