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

// An atomic word whose operations are never calls, not even unoptimised. Unoptimised, those of
// std::atomic call inline functions of the standard library, and of these the linker may take the
// copy of a target with compiler-inserted polls: the caller could be moved to another thread in
// the middle of marking the one it is on.
class mark_word {
 public:
  [[gnu::always_inline]] std::uint32_t load(std::memory_order order) const noexcept {
    return __atomic_load_n(&value_, static_cast<int>(order));
  }
  [[gnu::always_inline]] void store(std::uint32_t value, std::memory_order order) noexcept {
    __atomic_store_n(&value_, value, static_cast<int>(order));
  }
  [[gnu::always_inline]] std::uint32_t exchange(std::uint32_t value,
                                                std::memory_order order) noexcept {
    return __atomic_exchange_n(&value_, value, static_cast<int>(order));
  }

 private:
  std::uint32_t value_ = 0;
};

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

// The full fence between a read-modify-write, sequentially consistent, and a later load of another
// word. To C++, and to processors other than x86, the former does not order the latter (on aarch64
// the load may be done before the store of the RMW is seen); on x86 it is a full barrier, and only
// the compiler must be held back.
inline void fence_after_rmw() noexcept {
#if (defined(__x86_64__) || defined(__i386__)) && !defined(WEFT_SANITIZE_THREAD)
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  full_fence();
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

// The calling thread's number in the kernel.
int current_thread_id() noexcept;

// CPU time that a thread of this process has used, in nanoseconds; -1 when there is no such thread.
std::int64_t thread_cpu_ns(int thread_id) noexcept;

// Whether a thread of this process sleeps in the kernel (rather than runs, or waits for a
// processor). Reads /proc: microseconds. False when that cannot be told.
bool thread_sleeps(int thread_id) noexcept;

// Asks for a time slice of the kernel's own scheduler: a short one makes a thread that wakes up run
// sooner, a long one later, at the same share of the processor. Linux 6.12 and later (EEVDF); no
// effect elsewhere, nor on threads that are not SCHED_OTHER. Threads and processes that the thread
// makes do not inherit it (unless its nice value is negative: they would not inherit that, either).
// That is the kernel's SCHED_RESET_ON_FORK: without CAP_SYS_NICE, who changes the thread's policy
// later must pass it on, as in SCHED_BATCH | SCHED_RESET_ON_FORK.
void set_kernel_slice(int thread_id, std::int64_t ns) noexcept;

// membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED: a full fence on every thread of the process that
// runs. False where the kernel refuses it.
bool register_membarrier() noexcept;
bool process_membarrier() noexcept;

// Processors in the calling process's affinity mask, at least 1.
int affinity_cpus() noexcept;

}  // namespace weft::detail
