// Built once with weft_enable_preemption() and once without; KERNELS is polled or plain.
#include "kernels.hpp"

namespace bench::KERNELS {

std::uint64_t hash(const unsigned char* bytes, std::size_t n) {
  std::uint64_t h = 14695981039346656037U;
  for (std::size_t i = 0; i < n; ++i) {
    h = (h ^ bytes[i]) * 1099511628211U;
  }
  return h;
}

void multiply(std::vector<double>& c, const std::vector<double>& a, const std::vector<double>& b,
              std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      const double factor = a[i * n + k];
      for (std::size_t j = 0; j < n; ++j) {
        c[i * n + j] += factor * b[k * n + j];
      }
    }
  }
}

}  // namespace bench::KERNELS
