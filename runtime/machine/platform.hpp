// What the runtime asks of the operating system and the processor, in one place.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace weft::detail {

inline constexpr std::size_t cache_line = 64;

// Tells the processor that this is a spin loop.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

// A sequentially consistent fence. An RMW on a dummy under ThreadSanitizer, which does not model
// atomic_thread_fence.
inline void full_fence() noexcept {
#if defined(WEFT_SANITIZE_THREAD)
  static std::atomic<int> order{0};
  order.fetch_add(0, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

// CLOCK_MONOTONIC in nanoseconds.
std::int64_t monotonic_ns() noexcept;

// Waits until *word != expected, a wake, a signal, or `timeout_ns` (negative: none) have passed.
// False when the time is up. Preserves errno.
bool futex_wait(const std::atomic<std::uint32_t>* word, std::uint32_t expected,
                std::int64_t timeout_ns) noexcept;
void futex_wake(const std::atomic<std::uint32_t>* word, int count) noexcept;

// Lets other threads run on this processor.
void yield_thread() noexcept;

// Names the calling thread and asks for exact timeouts.
void prepare_runtime_thread(const char* name) noexcept;

// Processors in the calling process's affinity mask, at least 1.
int affinity_cpus() noexcept;

}  // namespace weft::detail
