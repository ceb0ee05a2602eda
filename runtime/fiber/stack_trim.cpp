// Atomics: trims_left  lists that are still to be trimmed without a look.
//          skips_left  full lists that are still to be left alone without a look.
//          dice        where to look next, so that no pattern of the lists hides the deep ones.
//          Written by any giver, relaxed and by load and store on purpose: an update that is lost
//          makes one look more or one fewer.
#include "runtime/fiber/stack_trim.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "runtime/fiber/advise.hpp"
#include "runtime/fiber/guard.hpp"
#include "runtime/fiber/stack.hpp"

namespace weft::detail {
namespace {

constexpr std::size_t kept = std::size_t{16} * 1024;
constexpr std::size_t bytes_per_look =
    std::size_t{8} * 1024 * 1024;  // 32 stacks of the default size
constexpr std::uint32_t trims_per_find = 256;
constexpr std::uint32_t most_skips = 7;  // 3 on average
constexpr std::size_t full_list = 32;
constexpr std::size_t ranges_at_once = 32;

constinit std::atomic<std::uint32_t> trims_left{0};
constinit std::atomic<std::uint32_t> skips_left{0};
constinit std::atomic<std::uint32_t> dice{0};

// In [0, bound), bound < 2^16. A Weyl sequence is random enough.
std::uint32_t roll(std::size_t bound) noexcept {
  const std::uint32_t now = dice.load(std::memory_order_relaxed) + 0x9e3779b9U;
  dice.store(now, std::memory_order_relaxed);
  return (now >> 16) * static_cast<std::uint32_t>(bound) >> 16;
}

// True, and one less, until nothing is left.
bool count_down(std::atomic<std::uint32_t>& left) noexcept {
  const std::uint32_t now = left.load(std::memory_order_relaxed);
  if (now == 0) {
    return false;
  }
  left.store(now - 1, std::memory_order_relaxed);
  return true;
}

// What lies below the top that is kept; empty for small stacks. Whole pages.
iovec deep_part(const stack* s) noexcept {
  const std::size_t keep = std::max(kept, page_size());
  return {s->limit, s->size > keep ? s->size - keep : 0};
}

// From the top down, where a used page is likelier.
bool used_deeply(const stack* s) noexcept {
  constexpr std::size_t pages_at_once = 256;
  unsigned char resident[pages_at_once];
  const iovec deep = deep_part(s);
  auto* const low = static_cast<std::byte*>(deep.iov_base);
  for (std::size_t left = deep.iov_len; left > 0;) {
    const std::size_t size = std::min(left, pages_at_once * page_size());
    left -= size;
    if (mincore(low + left, size, resident) != 0) {
      return false;
    }
    if (std::any_of(resident, resident + size / page_size(),
                    [](unsigned char page) { return (page & 1) != 0; })) {
      return true;
    }
  }
  return false;
}

// Looks at one stack, or more in a list of much address space.
bool looks_deep(const stack* list, std::size_t count) noexcept {
  const std::size_t every = std::max<std::size_t>(bytes_per_look / list->size, 1);
  std::size_t until_look = roll(std::min(count, every));
  for (const stack* s = list; s != nullptr; s = s->next) {
    if (until_look != 0) {
      --until_look;
      continue;
    }
    if (used_deeply(s)) {
      return true;
    }
    until_look = every - 1;
  }
  return false;
}

void trim_all(const stack* list) noexcept {
  iovec ranges[ranges_at_once];
  while (list != nullptr) {
    std::size_t n = 0;
    for (; list != nullptr && n < ranges_at_once; list = list->next) {
      ranges[n] = deep_part(list);
      n += ranges[n].iov_len != 0 ? 1 : 0;
    }
    // Locked memory (mlockall) cannot be given back; nothing is lost but the memory.
    advise(ranges, n, MADV_DONTNEED);
  }
}

}  // namespace

void trim_stacks(stack* list, std::size_t count) noexcept {
  if (list == nullptr || deep_part(list).iov_len == 0) {
    return;
  }
  if (count_down(trims_left)) {
    trim_all(list);
    return;
  }
  if (count >= full_list && count_down(skips_left)) {
    return;
  }
  if (looks_deep(list, count)) {
    trims_left.store(trims_per_find, std::memory_order_relaxed);
    trim_all(list);
  } else {
    skips_left.store(roll(most_skips), std::memory_order_relaxed);
  }
}

}  // namespace weft::detail
