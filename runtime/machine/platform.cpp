#include "runtime/machine/platform.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace weft::detail {

std::int64_t monotonic_ns() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

bool futex_wait(const std::atomic<std::uint32_t>* word, std::uint32_t expected,
                std::int64_t timeout_ns) noexcept {
  const int saved = errno;
  timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
  const long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
                              timeout_ns < 0 ? nullptr : &timeout, nullptr, 0);
  const bool in_time = !(result == -1 && errno == ETIMEDOUT);
  errno = saved;
  return in_time;
}

void futex_wake(const std::atomic<std::uint32_t>* word, int count) noexcept {
  const int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
  errno = saved;
}

void yield_thread() noexcept { sched_yield(); }

void prepare_runtime_thread(const char* name) noexcept {
  pthread_setname_np(pthread_self(), name);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

int affinity_cpus() noexcept {
  // The kernel's mask may be larger than cpu_set_t: double until it fits.
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 20); cpus *= 2) {
    std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(cpus),
                                                         [](cpu_set_t* s) { CPU_FREE(s); });
    if (!set) {
      break;
    }
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    if (sched_getaffinity(0, bytes, set.get()) == 0) {
      const int count = CPU_COUNT_S(bytes, set.get());
      return count > 0 ? count : 1;
    }
    if (errno != EINVAL) {
      break;
    }
  }
  return 1;
}

}  // namespace weft::detail
