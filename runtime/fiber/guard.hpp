// Guard pages: which kind the kernel offers, and how many it allows.
//
// Linux 6.13 makes a guard page without a mapping of its own (MADV_GUARD_INSTALL). Elsewhere, and
// in memory that mlockall() locks, a guard is made by mprotect() and costs two mappings, itself
// and the stack that it cuts off, out of vm.max_map_count. Those are given out up to 7/8 of the
// limit: past that the next malloc, mmap or pthread_create of the process would fail instead.
//
// Invariant: a guard that was asked for is there, or install_guards() throws, or the user allowed
//            stacks without guards and the answer says so.
// Tested by: tests/unit/stack_test.cpp
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::detail {

enum class guard_kind : std::uint8_t { none, madvise, mprotect };

// `count` guard pages in one mapping, at `first`, `first + stride`, and so on.
struct guard_row {
  std::byte* first;
  std::size_t stride;
  std::size_t count;
};

std::size_t page_size() noexcept;

// Asks the kernel what it offers. While no guard is in use.
void configure_guards(bool allow_unguarded) noexcept;

// Throws std::bad_alloc when memory for page tables is short, std::system_error that names
// vm.max_map_count when mappings are. The row may be guarded in part then: unmap it.
guard_kind install_guards(const guard_row& row);

// The mapping that held `count` guards of this kind is gone.
void forget_guards(guard_kind of, std::size_t count) noexcept;

// none once install_guards() has answered so since configure_guards(), else the kind in use.
guard_kind weakest_guard() noexcept;

}  // namespace weft::detail
