// Stacks of fibers: address space in slabs, a guard page under each, memory committed on demand.
//
// Invariant: at least as many stacks of the default size are mapped, guarded and accounted for as
// there are reservations, plus what the open caches may hold back (cache_slack each). A fiber's
// record holds a reservation for as long as it exists, so that binding a stack at its first run
// cannot fail: what can fail, fails in go().
// Lock order: the depot's lock is a leaf; no system call is made under it.
// Tested by: tests/unit/stack_test.cpp
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/fiber/guard.hpp"
#include "weft/detail/lock.hpp"

namespace weft::detail {

struct stack_slab;

// Lives in the top page of its stack's memory (the page any use of the stack commits anyway), one
// cache line, (index & 15) * 128 bytes below the end: page-aligned tops would all fall into one
// set of the L1 cache. `top` is right under it, aligned to 64 bytes.
struct stack {
  std::byte* limit = nullptr;  // lowest usable address; the guard page lies right under it
  std::byte* top = nullptr;
  stack* next = nullptr;       // free lists
  std::size_t size = 0;        // bytes from limit to the end of the mapping
  void* tsan_fiber = nullptr;  // the sanitizer's handle while a context lives on it

  // The depot keeps its free stacks in the lists that it was given; these are of a list's head.
  union {
    stack* next_list = nullptr;
    stack_slab* alone;  // of a stack from map_single()
  };
  stack* last = nullptr;
  std::size_t length = 0;
};
static_assert(sizeof(stack) == 64);

struct stack_options {
  std::size_t stack_size = std::size_t{256} * 1024;  // rounded up: at least 16 KiB, whole pages
  bool allow_unguarded = false;  // past the kernel's limit of mappings, rather than an error
};

// Process-wide, configured once per start of the runtime, emptied (all unmapped) at stop.
class stack_depot {
 public:
  static void configure(const stack_options&);
  static std::size_t stack_size() noexcept;
  // Maps more slabs if fewer than reserved() + n stacks exist. Throws std::bad_alloc when memory
  // or address space is short, std::system_error that names vm.max_map_count when guards are.
  static void reserve(std::size_t n);
  static void unreserve(std::size_t n) noexcept;
  // A list of up to n free stacks (at least one: see the invariant), linked by next. n > 0.
  static stack* take(std::size_t n) noexcept;
  // Returns a list. Deeply used stacks are trimmed, by sample: see stack_trim.hpp.
  static void give(stack* list) noexcept;
  // One stack of its own size, for fiber_options.stack_size. Throws as reserve().
  static stack* map_single(std::size_t size);
  static void unmap_single(stack*) noexcept;
  // Unmaps every slab. No stack may be in use, no cache undrained, nothing reserved.
  static void release_all() noexcept;

  // A cache may hold back up to cache_slack stacks between these. False when so many more than
  // those reserved do not exist; reserve() maps enough for one more cache each time.
  static constexpr std::size_t cache_slack = 72;
  static bool open_cache() noexcept;
  static void close_cache() noexcept;

  // For faults and statistics. find: the stack, single or not, whose guard or memory holds
  // `address`; async-signal-safe.
  struct region {
    std::byte* guard;  // == limit for a stack without
    std::byte* limit;
    std::byte* end;
  };
  static bool find(const void* address, region* out) noexcept;
  static guard_kind guard() noexcept;  // none as soon as one stack is without
  struct counts {
    std::size_t mapped;  // stacks of the default size
    std::size_t reserved;
    std::size_t free;           // of those mapped, neither taken nor in a cache
    std::size_t address_bytes;  // of all slabs and single stacks, guards included
  };
  static counts snapshot() noexcept;
};

// A P's private cache: no atomics. Not thread-safe. Drain it before it goes.
class stack_cache {
 public:
  // When empty, the next get() waits for the kernel: it commits the pages of new stacks.
  bool empty() const noexcept { return head_ == nullptr; }
  stack* get() noexcept {
    stack* s = head_;
    if (s == nullptr) [[unlikely]] {
      return refill();
    }
    head_ = s->next;
    --count_;
    unpoison(s);
    return s;
  }
  void put(stack* s) noexcept {
    s->next = head_;
    head_ = s;
    if (++count_ > max_) [[unlikely]] {
      spill();
    }
  }
  void drain() noexcept;  // everything back to the depot

 private:
  static constexpr std::uint32_t most = 64;
  // Room for `most`, one that is being put, and dead fibers' stacks on their way here.
  static_assert(most + 1 < stack_depot::cache_slack);

  stack* refill() noexcept;
  void spill() noexcept;  // the older half; all while the depot has not granted the slack
#if defined(WEFT_SANITIZE_ADDRESS)
  static void unpoison(stack* s) noexcept;
#else
  static void unpoison(stack*) noexcept {}
#endif

  stack* head_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t max_ = 0;  // most, once the depot has granted the slack
};

}  // namespace weft::detail
