// The depot: which stacks exist, which are free; and the caches in front of it.
//
// The state below is guarded by `state_lock`, which is held for a bounded number of instructions:
// slabs are mapped and guarded, stacks placed and trimmed, outside of it. Two threads that find
// the depot short at the same time map a slab each; the second is used later.
#include "runtime/fiber/stack.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <new>
#include <utility>

#include "runtime/fiber/stack_slab.hpp"
#include "runtime/fiber/stack_testing.hpp"
#include "runtime/fiber/stack_trim.hpp"
#include "runtime/machine/check.hpp"
#include "weft/detail/lock.hpp"

#if defined(WEFT_SANITIZE_ADDRESS)
#include <sanitizer/asan_interface.h>
#endif

namespace weft::detail {
namespace {

// The first slabs hold as many stacks as fit this, 64 at most. Slabs grow with the number of
// stacks, but not far: go() waits for the guards of a slab, 0.65 us each.
constexpr std::size_t first_slab_bytes = std::size_t{17} * 1024 * 1024;
constexpr std::size_t first_slab_stacks = 64;
constexpr std::size_t last_slab_growth = 4;
constexpr std::size_t mapped_per_new = 8;  // a new slab is an eighth of what there is

constinit lock state_lock;

constinit std::atomic<void (*)() noexcept> before_placing{nullptr};  // a test seam, relaxed

struct depot_state {
  std::size_t stack_size = std::size_t{256} * 1024;
  std::size_t mapped = 0;
  std::size_t reserved = 0;
  std::size_t caches = 0;    // open
  std::size_t listed = 0;    // stacks in `lists`
  std::size_t unplaced = 0;  // stacks of `fresh` slabs that were never used
  stack* lists = nullptr;
  stack_slab* fresh = nullptr;   // slabs with unplaced stacks
  stack_slab* placed = nullptr;  // the other slabs

  // What is missing for n more reservations and this many caches.
  std::size_t missing(std::size_t n, std::size_t for_caches) const noexcept {
    const std::size_t wanted = reserved + n + for_caches * stack_depot::cache_slack;
    return wanted > mapped ? wanted - mapped : 0;
  }
};

constinit depot_state state;

struct locked {
  locked() noexcept { state_lock.acquire(); }
  ~locked() { state_lock.release(); }
  locked(const locked&) = delete;
  locked& operator=(const locked&) = delete;
};

bool try_reserve(std::size_t n, bool generously) noexcept {
  const locked hold;
  if (state.missing(n, state.caches + (generously ? 1 : 0)) != 0) {
    return false;
  }
  state.reserved += n;
  return true;
}

std::size_t next_slab_stacks(std::size_t mapped, std::size_t stack_size) noexcept {
  const std::size_t least =
      std::clamp<std::size_t>(first_slab_bytes / stack_size, 1, first_slab_stacks);
  return std::clamp(mapped / mapped_per_new, least, least * last_slab_growth);
}

// Throws as map_slab().
void add_slab(std::size_t count, std::size_t stack_size) {
  stack_slab* const slab = map_slab(count, stack_size);
  const locked hold;
  slab->next = state.fresh;
  state.fresh = slab;
  state.unplaced += count;
  state.mapped += count;
}

// Maps a slab if there are too few stacks for n more reservations. Generously: of the usual size
// at least, and with what one more cache needs. Throws as map_slab().
void make_room(std::size_t n, bool generously) {
  std::size_t count = 0;
  std::size_t size = 0;
  {
    const locked hold;
    count = state.missing(n, state.caches + (generously ? 1 : 0));
    if (count != 0 && generously) {
      count = std::max(count, next_slab_stacks(state.mapped, state.stack_size));
    }
    size = state.stack_size;
  }
  if (count != 0) {
    add_slab(count, size);
  }
}

// Cuts up to n stacks off the depot's lists. Under the lock; touches the heads of the lists, and
// n stacks more when a list has to be divided: caches give and take lists of one length.
stack* take_listed(std::size_t n, std::size_t* taken) noexcept {
  stack* result = nullptr;
  while (state.lists != nullptr && *taken < n) {
    stack* const head = state.lists;
    const std::size_t length = std::min(head->length, n - *taken);
    if (length == head->length) {
      state.lists = head->next_list;
      head->last->next = result;
    } else {
      stack* last = head;
      for (std::size_t i = 1; i < length; ++i) {
        last = last->next;
      }
      stack* const rest = last->next;
      rest->last = head->last;
      rest->length = head->length - length;
      rest->next_list = head->next_list;
      state.lists = rest;
      last->next = result;
    }
    result = head;
    state.listed -= length;
    *taken += length;
  }
  return result;
}

// Stacks [from, from + count) of a slab are the caller's to place.
struct unplaced_run {
  stack_slab* slab = nullptr;
  std::size_t from = 0;
  std::size_t count = 0;
};

unplaced_run take_unplaced(std::size_t n) noexcept {
  stack_slab* const slab = state.fresh;
  if (slab == nullptr) {
    return {};
  }
  const std::size_t all = slab->count.load(std::memory_order_relaxed);
  const unplaced_run run{slab, slab->used, std::min(n, all - slab->used)};
  slab->used += run.count;
  state.unplaced -= run.count;
  if (slab->used == all) {
    state.fresh = slab->next;
    slab->next = state.placed;
    state.placed = slab;
  }
  return run;
}

#if defined(WEFT_SANITIZE_ADDRESS)
// The frames of a fiber that ended without returning from them left their red zones. The question
// first: to clear shadow memory that is clear would commit it, 32 KiB for a stack of 256 KiB.
void clear_red_zones(const stack* s) noexcept {
  const auto size = static_cast<std::size_t>(s->top - s->limit);
  if (__asan_region_is_poisoned(s->limit, size) != nullptr) {
    __asan_unpoison_memory_region(s->limit, size);
  }
}
#else
void clear_red_zones(const stack*) noexcept {}
#endif

}  // namespace

void testing::call_before_placing(void (*look)() noexcept) noexcept {
  before_placing.store(look, std::memory_order_relaxed);
}

void stack_depot::configure(const stack_options& options) {
  const std::size_t size = round_stack_size(options.stack_size);
  configure_guards(options.allow_unguarded);
  const locked hold;
  WEFT_CHECK(state.mapped == 0 || state.stack_size == size);
  state.stack_size = size;
}

std::size_t stack_depot::stack_size() noexcept {
  const locked hold;
  return state.stack_size;
}

void stack_depot::reserve(std::size_t n) {
  if (n > std::numeric_limits<std::size_t>::max() / 4) {
    throw std::bad_alloc();
  }
  try {
    while (!try_reserve(n, true)) {
      make_room(n, true);
    }
  } catch (...) {
    // No room for a slab of the usual size. What is missing may fit, or be there by now.
    while (!try_reserve(n, false)) {
      make_room(n, false);
    }
  }
}

void stack_depot::unreserve(std::size_t n) noexcept {
  const locked hold;
  WEFT_CHECK(state.reserved >= n);
  state.reserved -= n;
}

stack* stack_depot::take(std::size_t n) noexcept {
  stack* result = nullptr;
  unplaced_run run;
  {
    const locked hold;
    std::size_t taken = 0;
    result = take_listed(n, &taken);
    if (result == nullptr) {
      run = take_unplaced(n);
    }
  }
  if (result == nullptr && run.count == 0) [[unlikely]] {
    fatal("more fiber stacks in use than reserved");
  }
  if (auto* const look = before_placing.load(std::memory_order_relaxed);
      look != nullptr && run.count != 0) [[unlikely]] {
    look();
  }
  // Placing commits a page each, in the kernel: not under the lock.
  for (std::size_t i = run.from + run.count; i-- > run.from;) {
    stack* const s = place_stack(*run.slab, i, i);
    s->next = result;
    result = s;
  }
  return result;
}

void stack_depot::give(stack* list) noexcept {
  if (list == nullptr) {
    return;
  }
  std::size_t length = 1;
  stack* last = list;
  for (; last->next != nullptr; last = last->next) {
    ++length;
  }
  trim_stacks(list, length);
  list->last = last;
  list->length = length;
  const locked hold;
  list->next_list = state.lists;
  state.lists = list;
  state.listed += length;
}

stack* stack_depot::map_single(std::size_t size) {
  static constinit std::atomic<std::size_t> colour{0};  // relaxed: any value does
  stack_slab* const slab = map_slab(1, round_stack_size(size));
  stack* const s = place_stack(*slab, 0, colour.fetch_add(1, std::memory_order_relaxed));
  s->alone = slab;
  return s;
}

void stack_depot::unmap_single(stack* s) noexcept { unmap_slab(s->alone); }

void stack_depot::release_all() noexcept {
  stack_slab* slabs[2];
  {
    const locked hold;
    WEFT_CHECK(state.listed + state.unplaced == state.mapped);
    WEFT_CHECK(state.reserved == 0 && state.caches == 0);
    slabs[0] = std::exchange(state.fresh, nullptr);
    slabs[1] = std::exchange(state.placed, nullptr);
    state.lists = nullptr;
    state.mapped = state.listed = state.unplaced = 0;
  }
  for (stack_slab* slab : slabs) {
    while (slab != nullptr) {
      stack_slab* const next = slab->next;
      unmap_slab(slab);
      slab = next;
    }
  }
}

bool stack_depot::open_cache() noexcept {
  const locked hold;
  if (state.missing(0, state.caches + 1) != 0) {
    return false;
  }
  ++state.caches;
  return true;
}

void stack_depot::close_cache() noexcept {
  const locked hold;
  WEFT_CHECK(state.caches > 0);
  --state.caches;
}

bool stack_depot::find(const void* address, region* out) noexcept {
  stack_region found;
  if (!find_stack(address, &found)) {
    return false;
  }
  *out = {.guard = found.guard, .limit = found.limit, .end = found.end};
  return true;
}

guard_kind stack_depot::guard() noexcept { return weakest_guard(); }

stack_depot::counts stack_depot::snapshot() noexcept {
  const locked hold;
  return {.mapped = state.mapped,
          .reserved = state.reserved,
          .free = state.listed + state.unplaced,
          .address_bytes = slab_address_bytes()};
}

stack* stack_cache::refill() noexcept {
  if (max_ == 0 && stack_depot::open_cache()) {
    max_ = most;
  }
  stack* const s = stack_depot::take(max_ != 0 ? most / 2 : 1);
  head_ = s->next;
  for (const stack* rest = head_; rest != nullptr; rest = rest->next) {
    ++count_;
  }
  clear_red_zones(s);
  return s;
}

void stack_cache::spill() noexcept {
  if (max_ == 0 && stack_depot::open_cache()) {
    max_ = most;
    return;
  }
  if (max_ == 0) {
    count_ = 0;
    stack_depot::give(std::exchange(head_, nullptr));
    return;
  }
  stack* last = head_;
  for (std::uint32_t i = 1; i < most / 2; ++i) {
    last = last->next;
  }
  count_ = most / 2;
  stack_depot::give(std::exchange(last->next, nullptr));
}

void stack_cache::drain() noexcept {
  count_ = 0;
  stack_depot::give(std::exchange(head_, nullptr));
  if (std::exchange(max_, 0) != 0) {
    stack_depot::close_cache();
  }
}

#if defined(WEFT_SANITIZE_ADDRESS)
void stack_cache::unpoison(stack* s) noexcept { clear_red_zones(s); }
#endif

}  // namespace weft::detail
