#include "runtime/machine/platform.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
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

int current_thread_id() noexcept { return static_cast<int>(syscall(SYS_gettid)); }

std::int64_t thread_cpu_ns(int thread_id) noexcept {
  // The kernel's MAKE_THREAD_CPUCLOCK(thread_id, CPUCLOCK_SCHED), which is what
  // pthread_getcpuclockid() computes from a pthread_t; that must still exist, a number need not.
  constexpr unsigned per_thread = 4;
  constexpr unsigned sched_clock = 2;
  const unsigned id = ~static_cast<unsigned>(thread_id) << 3 | per_thread | sched_clock;
  timespec used;
  const int saved = errno;
  const bool known = clock_gettime(static_cast<clockid_t>(id), &used) == 0;
  errno = saved;
  return known ? used.tv_sec * std::int64_t{1'000'000'000} + used.tv_nsec : -1;
}

bool thread_sleeps(int thread_id) noexcept {
  const int saved = errno;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread_id);
  char text[512];
  ssize_t length = -1;
  if (const int fd = open(path, O_RDONLY | O_CLOEXEC); fd >= 0) {
    length = read(fd, text, sizeof text - 1);
    close(fd);
  }
  errno = saved;
  if (length <= 0) {
    return false;
  }
  // "number (name) state ...": the name may hold anything, parentheses too.
  text[length] = '\0';
  const char* const name_end = std::strrchr(text, ')');
  return name_end != nullptr && (name_end[2] == 'S' || name_end[2] == 'D');
}

void set_kernel_slice(int thread_id, std::int64_t ns) noexcept {
#if defined(SYS_sched_getattr) && defined(SYS_sched_setattr)
  // <linux/sched/types.h> clashes with glibc's <sched.h>.
  struct {
    std::uint32_t size;
    std::uint32_t policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime;
    std::uint64_t deadline;
    std::uint64_t period;
  } attributes{};
  constexpr std::uint64_t reset_on_fork = 1;
  attributes.size = sizeof attributes;
  const int saved = errno;
  if (syscall(SYS_sched_getattr, thread_id, &attributes, sizeof attributes, 0) == 0 &&
      attributes.policy == SCHED_OTHER && attributes.runtime != 0) {  // 0: has no slices
    attributes.runtime = static_cast<std::uint64_t>(ns);
    const std::uint64_t flags = attributes.flags;
    // It would take a negative nice value back, too.
    attributes.flags = attributes.nice >= 0 ? flags | reset_on_fork : flags & ~reset_on_fork;
    if (syscall(SYS_sched_setattr, thread_id, &attributes, 0) != 0 && flags != attributes.flags) {
      attributes.flags = flags;  // to clear it takes CAP_SYS_NICE
      syscall(SYS_sched_setattr, thread_id, &attributes, 0);
    }
  }
  errno = saved;
#endif
}

bool register_membarrier() noexcept {
  const int saved = errno;
  const bool registered =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  errno = saved;
  return registered;
}

bool process_membarrier() noexcept {
  const int saved = errno;
  const bool done = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
  errno = saved;
  return done;
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
