// A slab: one mapping that holds stacks of equal size, each above its own guard page.
//
//     first mapped address                                                     end
//     [guard][ stack 0 ................ ][guard][ stack 1 ................ ] ...
//
// The pitch of the stacks is a page more than their size, so for sizes that are powers of two
// their tops do not fall into the same set of the TLB: visiting 1000 tops costs 1.5 ns each
// instead of 4.7. Nothing of a slab is committed before a stack is placed; page tables are, 513
// bytes per stack of 256 KiB, by the guards.
//
// Slabs of one kind of flags that the kernel puts side by side merge into one mapping of the
// process map, so with guards by MADV_GUARD_INSTALL a million stacks need a handful.
//
// The records are never freed: find_stack() walks them inside a signal handler.
// Tested by: tests/unit/stack_test.cpp
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/fiber/guard.hpp"

namespace weft::detail {

struct stack;

struct stack_slab {
  // What find_stack() reads; see stack_slab.cpp.
  std::atomic<std::uint32_t> version{1};
  std::atomic<std::byte*> first{nullptr};
  std::atomic<std::size_t> size{0};  // of one stack, without the guard
  std::atomic<std::size_t> pitch{0};
  std::atomic<std::size_t> count{0};
  std::atomic<guard_kind> guards{guard_kind::none};
  stack_slab* next_record = nullptr;

  stack_slab* next = nullptr;  // in lists of the owner
  std::size_t used = 0;        // stacks [used, count) have never been placed
};

// Maps and guards a slab. Throws std::bad_alloc, or std::system_error as install_guards().
stack_slab* map_slab(std::size_t count, std::size_t stack_size);

// Unmaps it; no stack of it is in use. False when the kernel could not (it takes a mapping to cut
// one out of the middle of another): the memory was given back then, the address space was not.
bool unmap_slab(stack_slab* slab) noexcept;

// Writes stack `index`'s descriptor, which commits its top page. `colour` spreads the addresses of
// descriptors and first frames over the sets of the L1 cache.
stack* place_stack(const stack_slab& slab, std::size_t index, std::size_t colour) noexcept;

struct stack_region {
  std::byte* guard;  // where a guard page would be; == limit if there is none
  std::byte* limit;
  std::byte* end;
};

// The stack whose guard or memory holds `address`. Async-signal-safe.
bool find_stack(const void* address, stack_region* out) noexcept;

// Address space of all slabs, guards included.
std::size_t slab_address_bytes() noexcept;

// Rounded up to what a stack may have: at least 16 KiB, whole pages. Throws std::bad_alloc for
// sizes no address space holds.
std::size_t round_stack_size(std::size_t size);

}  // namespace weft::detail
