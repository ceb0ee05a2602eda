// Atomics: version  even: mapped; odd: not, or being changed. Written by the slab's owner around a
//                   change of the geometry (first .. guards), read before and after by
//                   find_stack(), which skips a record that changes meanwhile. All stores release,
//                   all loads acquire: a reader that sees one new value of the geometry therefore
//                   sees the odd version before it when it looks again.
//          records  head of the list of all records. Push: CAS release; walk: load acquire.
//          bytes    relaxed, a statistic.
#include "runtime/fiber/stack_slab.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <limits>
#include <new>

#include "runtime/fiber/stack.hpp"
#include "weft/detail/lock.hpp"

#if defined(WEFT_SANITIZE_ADDRESS)
#include <sanitizer/asan_interface.h>
#endif

namespace weft::detail {
namespace {

constexpr std::size_t least_stack_size = std::size_t{16} * 1024;
constexpr std::size_t colours = 16;
constexpr std::size_t colour_step = 128;

constinit std::atomic<stack_slab*> records{nullptr};
constinit std::atomic<std::size_t> bytes{0};

constinit lock spares_lock;
constinit stack_slab* spares = nullptr;  // records whose slab is unmapped, by next

stack_slab* take_record() {
  spares_lock.acquire();
  stack_slab* record = spares;
  if (record != nullptr) {
    spares = record->next;
  }
  spares_lock.release();
  if (record == nullptr) {
    record = new stack_slab;
    record->next_record = records.load(std::memory_order_relaxed);
    while (!records.compare_exchange_weak(record->next_record, record, std::memory_order_release,
                                          std::memory_order_relaxed)) {
    }
  }
  return record;
}

void spare_record(stack_slab* record) noexcept {
  spares_lock.acquire();
  record->next = spares;
  spares = record;
  spares_lock.release();
}

std::byte* map_memory(std::size_t size) {
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  // A huge page would commit 2 MiB for the first frame of a fiber. Fails where there are none.
  madvise(memory, size, MADV_NOHUGEPAGE);
#ifdef PR_SET_VMA_ANON_NAME
  prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, memory, size, "weft stacks");
#endif
  return static_cast<std::byte*>(memory);
}

}  // namespace

std::size_t round_stack_size(std::size_t size) {
  const std::size_t page = page_size();
  if (size > std::numeric_limits<std::size_t>::max() / 4) {
    throw std::bad_alloc();
  }
  return (std::max(size, least_stack_size) + page - 1) / page * page;
}

stack_slab* map_slab(std::size_t count, std::size_t stack_size) {
  const std::size_t pitch = stack_size + page_size();
  if (count > std::numeric_limits<std::size_t>::max() / 2 / pitch) {
    throw std::bad_alloc();
  }
  stack_slab* const slab = take_record();
  std::byte* memory = nullptr;
  guard_kind guards;
  try {
    memory = map_memory(count * pitch);
    guards = install_guards({.first = memory, .stride = pitch, .count = count});
  } catch (...) {
    if (memory != nullptr) {
      munmap(memory, count * pitch);
    }
    spare_record(slab);
    throw;
  }
  bytes.fetch_add(count * pitch, std::memory_order_relaxed);
  slab->next = nullptr;
  slab->used = 0;
  slab->first.store(memory, std::memory_order_release);
  slab->size.store(stack_size, std::memory_order_release);
  slab->pitch.store(pitch, std::memory_order_release);
  slab->count.store(count, std::memory_order_release);
  slab->guards.store(guards, std::memory_order_release);
  slab->version.store(slab->version.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return slab;
}

bool unmap_slab(stack_slab* slab) noexcept {
  std::byte* const first = slab->first.load(std::memory_order_relaxed);
  const std::size_t count = slab->count.load(std::memory_order_relaxed);
  const std::size_t size = count * slab->pitch.load(std::memory_order_relaxed);
  const guard_kind guards = slab->guards.load(std::memory_order_relaxed);
#if defined(WEFT_SANITIZE_ADDRESS)
  // Whoever is given these addresses next must not inherit the red zones of old frames.
  __asan_unpoison_memory_region(first, size);
#endif
  slab->version.store(slab->version.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  if (munmap(first, size) != 0) {
    madvise(first, size, MADV_DONTNEED);
    slab->version.store(slab->version.load(std::memory_order_relaxed) + 1,
                        std::memory_order_release);
    return false;
  }
  bytes.fetch_sub(size, std::memory_order_relaxed);
  forget_guards(guards, count);
  spare_record(slab);
  return true;
}

stack* place_stack(const stack_slab& slab, std::size_t index, std::size_t colour) noexcept {
  const std::size_t pitch = slab.pitch.load(std::memory_order_relaxed);
  const std::size_t size = slab.size.load(std::memory_order_relaxed);
  std::byte* const end = slab.first.load(std::memory_order_relaxed) + (index + 1) * pitch;
  std::byte* const top = end - colour % colours * colour_step - sizeof(stack);
  auto* const s = ::new (top) stack;
  s->limit = end - size;
  s->top = top;
  s->size = size;
  return s;
}

bool find_stack(const void* address, stack_region* out) noexcept {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  for (const stack_slab* slab = records.load(std::memory_order_acquire); slab != nullptr;
       slab = slab->next_record) {
    const std::uint32_t version = slab->version.load(std::memory_order_acquire);
    std::byte* const first = slab->first.load(std::memory_order_acquire);
    const std::size_t size = slab->size.load(std::memory_order_acquire);
    const std::size_t pitch = slab->pitch.load(std::memory_order_acquire);
    const std::size_t count = slab->count.load(std::memory_order_acquire);
    const guard_kind guards = slab->guards.load(std::memory_order_acquire);
    if (version % 2 != 0 || slab->version.load(std::memory_order_relaxed) != version) {
      continue;
    }
    const std::uintptr_t offset = wanted - reinterpret_cast<std::uintptr_t>(first);
    if (offset >= count * pitch) {  // also when it wrapped around
      continue;
    }
    std::byte* const end = first + (offset / pitch + 1) * pitch;
    std::byte* const limit = end - size;
    std::byte* const guard = guards == guard_kind::none ? limit : end - pitch;
    *out = {.guard = guard, .limit = limit, .end = end};
    return wanted >= reinterpret_cast<std::uintptr_t>(guard);
  }
  return false;
}

std::size_t slab_address_bytes() noexcept { return bytes.load(std::memory_order_relaxed); }

}  // namespace weft::detail
