// Range by range, a guard costs 1.5 times as much and a trim twice as much: each call enters the
// kernel and takes the lock of the address space again.
//
// Atomics: no_batches  set by whoever finds that process_madvise() fails where madvise() does not,
//                      read by all; relaxed, it only saves a system call that would fail.
#include "runtime/fiber/advise.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace weft::detail {
namespace {

// A pid descriptor that means the calling thread: nothing to open, to close, or to inherit by a
// forked child, where a real one would go on to name the parent.
constexpr int pidfd_self_thread = -10000;
constexpr std::size_t most_ranges = 1024;  // IOV_MAX of the kernel

constinit std::atomic<bool> no_batches{false};

// How many whole ranges from the start were done; 0 also when the call does not exist.
std::size_t advise_batch(const iovec* ranges, std::size_t count, int advice) noexcept {
#ifdef SYS_process_madvise
  long bytes = syscall(SYS_process_madvise, pidfd_self_thread, ranges, count, advice, 0);
  std::size_t done = 0;
  while (done < count && bytes >= static_cast<long>(ranges[done].iov_len)) {
    bytes -= static_cast<long>(ranges[done].iov_len);
    ++done;
  }
  return done;
#else
  static_cast<void>(ranges), static_cast<void>(count), static_cast<void>(advice);
  return 0;
#endif
}

int advise_one(const iovec& range, int advice) noexcept {
  // EAGAIN: the kernel was short of something for a moment. Bounded, in case it stays so.
  for (int attempt = 0;; ++attempt) {
    if (madvise(range.iov_base, range.iov_len, advice) == 0) {
      return 0;
    }
    if ((errno != EAGAIN && errno != EINTR) || attempt == 100) {
      return errno;
    }
  }
}

}  // namespace

int advise(const iovec* ranges, std::size_t count, int advice) noexcept {
  std::size_t done = 0;
  while (done < count) {
    if (count - done > 1 && !no_batches.load(std::memory_order_relaxed)) {
      const std::size_t got =
          advise_batch(ranges + done, std::min(count - done, most_ranges), advice);
      done += got;
      if (got != 0) {
        continue;
      }
    }
    // The first range alone tells its error, or shows that only the batch does not work.
    const int error = advise_one(ranges[done], advice);
    if (error != 0) {
      return error;
    }
    if (++done < count) {
      no_batches.store(true, std::memory_order_relaxed);
    }
  }
  return 0;
}

}  // namespace weft::detail
