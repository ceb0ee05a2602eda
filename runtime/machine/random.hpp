// Random numbers for choices inside the runtime: fast and good enough for fairness, not secret.
#pragma once

#include <cstdint>

namespace weft::detail {

// wyrand (Wang Yi, public domain): one multiplication a number.
class random_source {
 public:
  constexpr explicit random_source(std::uint64_t seed) noexcept : state_(seed) {}
  constexpr random_source() noexcept = default;

  std::uint32_t next() noexcept {
    state_ += 0xa0761d6478bd642fULL;
    __extension__ using wide = unsigned __int128;
    const auto product = static_cast<wide>(state_) * (state_ ^ 0xe7037ed1a0b428dbULL);
    return static_cast<std::uint32_t>((product >> 64) ^ product);
  }

  // Uniform in [0, bound) but for a bias of bound / 2^32 (Lemire's multiply-shift).
  std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{next()} * bound) >> 32);
  }

 private:
  std::uint64_t state_ = 0x9e3779b97f4a7c15ULL;
};

// From the calling thread's source. Inside an entry, or on a plain thread.
std::uint32_t fast_random() noexcept;

}  // namespace weft::detail
