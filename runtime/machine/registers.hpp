// The registers that a walk up a stack begins with: those that a function keeps for its caller.
#pragma once

#include <cstdint>

namespace weft::detail {

struct saved_registers {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  std::uintptr_t fp = 0;  // rbp, x29
#if defined(__x86_64__)
  std::uintptr_t rbx = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
#elif defined(__aarch64__)
  std::uintptr_t x19_to_x28[10] = {};
  std::uintptr_t lr = 0;
#endif
};

// The memory a walk may read.
struct stack_bounds {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;

  // Whether a word lies there.
  bool holds(std::uintptr_t address) const noexcept {
    return address % alignof(void*) == 0 && address >= low && address < high &&
           high - address >= sizeof(void*);
  }
};

inline constexpr stack_bounds everywhere{0, ~std::uintptr_t{0}};

}  // namespace weft::detail
