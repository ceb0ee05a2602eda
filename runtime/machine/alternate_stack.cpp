#include "runtime/machine/alternate_stack.hpp"

#include <sys/mman.h>
#include <unistd.h>

namespace weft::detail {

namespace {

std::size_t guard_size() noexcept { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

alternate_stack::alternate_stack() noexcept {
  const std::size_t guard = guard_size();
  void* const memory = mmap(nullptr, guard + size, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    return;
  }
  stack_t wanted{};
  wanted.ss_sp = static_cast<std::byte*>(memory) + guard;
  wanted.ss_size = size;
  if (mprotect(wanted.ss_sp, size, PROT_READ | PROT_WRITE) != 0 ||
      sigaltstack(&wanted, &before_) != 0) {
    munmap(memory, guard + size);
    return;
  }
  memory_ = memory;
}

alternate_stack::~alternate_stack() {
  if (memory_ != nullptr) {
    if (before_.ss_size == 0) {
      before_.ss_flags = SS_DISABLE;
    }
    sigaltstack(&before_, nullptr);
    munmap(memory_, guard_size() + size);
  }
}

}  // namespace weft::detail
