#include "weft/detail/lock.hpp"

#include "runtime/machine/platform.hpp"
#include "runtime/machine/spinning.hpp"

namespace weft::detail {

// Spins while the holder is likely to be running: it holds for nanoseconds. The pause grows so
// that, under contention, the thread that has the cache line gets several turns in a row.
bool lock::acquire_spinning() noexcept {
  const spinning_time counted;
  for (int spin = 0, pauses = 4; spin < 12; ++spin, pauses += pauses / 2) {
    for (int i = 0; i < pauses; ++i) {
      cpu_relax();
    }
    if (try_acquire()) {
      return true;
    }
  }
  return false;
}

void lock::acquire_slow() noexcept {
  if (acquire_spinning()) {
    return;
  }
  // The holder has lost its processor, or the lock is much in demand: sleep in the kernel.
  constexpr std::int64_t nap_ns = 100'000;
  sleepers_.fetch_add(1, std::memory_order_relaxed);
  while (!try_acquire()) {
    futex_wait(&word_, 1, nap_ns);
  }
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void lock::wake_sleeper(const std::atomic<std::uint32_t>* word) noexcept { futex_wake(word, 1); }

}  // namespace weft::detail
