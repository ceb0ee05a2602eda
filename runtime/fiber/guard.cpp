// Atomics: kind, unguarded_allowed, unguarded_used, map_limit
//                    written by configure_guards() while no guard is in use; kind also when the
//                    kernel refuses its advice, unguarded_used when a row stays without guards.
//                    Relaxed: each stands for itself.
//          counted   guards made by mprotect(). Relaxed: only the count matters, and the update
//                    that takes from it compares with the limit in the same step.
//          forced_mprotect, pretended_map_limit      written by tests, read by configure_guards().
#include "runtime/fiber/guard.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>

#include "runtime/fiber/advise.hpp"
#include "runtime/fiber/guard_testing.hpp"

namespace weft::detail {
namespace {

// Not in the headers of today's distributions.
constexpr int madv_populate_read = 22;
constexpr int madv_guard_install = 102;

constexpr std::size_t usual_map_limit = 65530;  // where /proc cannot be read
constexpr std::size_t ranges_at_once = 128;     // 2 KiB of the caller's stack, maybe a fiber's

constinit std::atomic<guard_kind> kind{guard_kind::mprotect};
constinit std::atomic<bool> unguarded_allowed{false};
constinit std::atomic<bool> unguarded_used{false};
constinit std::atomic<std::size_t> map_limit{usual_map_limit};
constinit std::atomic<std::size_t> counted{0};

constinit std::atomic<bool> forced_mprotect{false};
constinit std::atomic<std::size_t> pretended_map_limit{0};

std::size_t read_map_limit() noexcept {
  const std::size_t pretended = pretended_map_limit.load(std::memory_order_relaxed);
  if (pretended != 0) {
    return pretended;
  }
  char text[32] = {};
  const int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return usual_map_limit;
  }
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  const std::size_t value = size > 0 ? std::strtoull(text, nullptr, 10) : 0;
  return value != 0 ? value : usual_map_limit;
}

// The return code alone will not do: emulators answer 0 to advice they do not know. A kernel that
// has guard pages knows this one too, and cannot populate them: EFAULT.
bool stops_reads(std::byte* page) noexcept {
  return madvise(page, page_size(), madv_populate_read) == -1 && errno == EFAULT;
}

bool kernel_has_guard_advice() noexcept {
  if (forced_mprotect.load(std::memory_order_relaxed)) {
    return false;
  }
  void* const page =
      mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    return false;
  }
  const bool works = madvise(page, page_size(), madv_guard_install) == 0 &&
                     stops_reads(static_cast<std::byte*>(page));
  munmap(page, page_size());
  return works;
}

// Guards that may be made by mprotect(): two mappings each, an eighth of all left to the rest.
std::size_t counted_limit() noexcept {
  const std::size_t limit = map_limit.load(std::memory_order_relaxed);
  return (limit - limit / 8) / 2;
}

bool count_guards(std::size_t count) noexcept {
  std::size_t now = counted.load(std::memory_order_relaxed);
  do {
    if (now + count > counted_limit()) {
      return false;
    }
  } while (!counted.compare_exchange_weak(now, now + count, std::memory_order_relaxed));
  return true;
}

[[noreturn]] void throw_out_of_mappings() {
  const std::size_t limit = map_limit.load(std::memory_order_relaxed);
  throw std::system_error(
      std::make_error_code(std::errc::not_enough_memory),
      "weft: no more guarded fiber stacks: each takes two memory mappings on this kernel, and "
      "vm.max_map_count is " +
          std::to_string(limit) +
          ". Raise it (sysctl -w vm.max_map_count=" + std::to_string(limit * 16) +
          "), use Linux 6.13 or later, or set options.allow_unguarded_stacks");
}

int install_by_madvise(const guard_row& row) noexcept {
  iovec ranges[ranges_at_once];
  for (std::size_t i = 0; i < row.count;) {
    const std::size_t n = std::min(row.count - i, ranges_at_once);
    for (std::size_t j = 0; j < n; ++j) {
      ranges[j] = {row.first + (i + j) * row.stride, page_size()};
    }
    const int error = advise(ranges, n, madv_guard_install);
    if (error != 0) {
      return error;
    }
    i += n;
  }
  return 0;
}

bool install_by_mprotect(const guard_row& row) noexcept {
  if (!count_guards(row.count)) {
    return false;
  }
  for (std::size_t i = 0; i < row.count; ++i) {
    if (mprotect(row.first + i * row.stride, page_size(), PROT_NONE) != 0) {
      // One call makes the row whole again, and with it the mappings it was cut into.
      mprotect(row.first, i * row.stride + page_size(), PROT_READ | PROT_WRITE);
      forget_guards(guard_kind::mprotect, row.count);
      return false;
    }
  }
  return true;
}

}  // namespace

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

void configure_guards(bool allow_unguarded) noexcept {
  map_limit.store(read_map_limit(), std::memory_order_relaxed);
  unguarded_allowed.store(allow_unguarded, std::memory_order_relaxed);
  unguarded_used.store(false, std::memory_order_relaxed);
  kind.store(kernel_has_guard_advice() ? guard_kind::madvise : guard_kind::mprotect,
             std::memory_order_relaxed);
}

guard_kind install_guards(const guard_row& row) {
  if (kind.load(std::memory_order_relaxed) == guard_kind::madvise) {
    const int error = install_by_madvise(row);
    if (error == 0) {
      return guard_kind::madvise;
    }
    if (error != EINVAL) {
      throw std::bad_alloc();
    }
    // Locked memory takes no such guards on some kernels: mlockall() came after configure().
    kind.store(guard_kind::mprotect, std::memory_order_relaxed);
  }
  if (install_by_mprotect(row)) {
    return guard_kind::mprotect;
  }
  if (!unguarded_allowed.load(std::memory_order_relaxed)) {
    throw_out_of_mappings();
  }
  unguarded_used.store(true, std::memory_order_relaxed);
  return guard_kind::none;
}

void forget_guards(guard_kind of, std::size_t count) noexcept {
  if (of == guard_kind::mprotect) {
    counted.fetch_sub(count, std::memory_order_relaxed);
  }
}

guard_kind weakest_guard() noexcept {
  return unguarded_used.load(std::memory_order_relaxed) ? guard_kind::none
                                                        : kind.load(std::memory_order_relaxed);
}

void testing::force_mprotect_guards(bool on) noexcept {
  forced_mprotect.store(on, std::memory_order_relaxed);
}

void testing::set_max_map_count(std::size_t value) noexcept {
  pretended_map_limit.store(value, std::memory_order_relaxed);
}

}  // namespace weft::detail
