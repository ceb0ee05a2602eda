// Walking up a stack: the caller's own, or one that is at rest.
//
// A walk gives code addresses, innermost first, as they are to be looked up: for a caller the
// address of its call instruction's last byte, not that of what runs after the return (which may
// belong to another line, or function). Of a stack deeper than an array can tell, the outermost
// frames are kept too.
//
// The own stack is walked by the compiler's unwinder, which every C++ program has. One at rest is
// walked by libunwind if weft was built with its headers and the library can be loaded now; else by
// its frame pointers, which ends early, but never leaves the stack, where code keeps none.
//
// Tested by: tests/unit/backtrace_test.cpp
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/machine/registers.hpp"

namespace weft::detail {

class backtrace {
 public:
  static constexpr std::size_t most_inner = 48;
  static constexpr std::size_t most_outer = 16;

  void add(std::uintptr_t address) noexcept {
    if (count_ < most_inner) {
      inner_[count_] = address;
    } else {
      outer_[(count_ - most_inner) % most_outer] = address;
    }
    ++count_;
  }

  // Frames seen; how many of them were kept, and how many were left out after the first
  // most_inner.
  std::size_t depth() const noexcept { return count_; }
  std::size_t size() const noexcept { return count_ < most ? count_ : most; }
  std::size_t left_out() const noexcept { return count_ - size(); }

  // The i-th of those kept.
  std::uintptr_t operator[](std::size_t i) const noexcept {
    if (i < most_inner) {
      return inner_[i];
    }
    const std::size_t first = count_ > most ? (count_ - most_inner) % most_outer : 0;
    return outer_[(first + i - most_inner) % most_outer];
  }

  friend bool operator==(const backtrace& a, const backtrace& b) noexcept {
    if (a.count_ != b.count_) {
      return false;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i]) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t most = most_inner + most_outer;

  std::array<std::uintptr_t, most_inner> inner_;
  std::array<std::uintptr_t, most_outer> outer_;
  std::size_t count_ = 0;
};

// The calling function's stack, its caller first; of that, the frames inside `only`. From a signal
// handler it goes through what it interrupted, too. Takes no lock of weft's.
[[gnu::noinline]] void walk_own_stack(backtrace& out, stack_bounds only = everywhere) noexcept;

// A stack that nobody runs on, from these registers up; reads nothing outside of `bounds`.
void walk_stack(const saved_registers& from, const stack_bounds& bounds, backtrace& out) noexcept;

// The second way of walk_stack() alone.
void walk_frame_pointers(const saved_registers& from, const stack_bounds& bounds,
                         backtrace& out) noexcept;

// The first way of walk_stack(). False: there is no libunwind, nothing was done.
bool walk_with_libunwind(const saved_registers& from, const stack_bounds& bounds,
                         backtrace& out) noexcept;

}  // namespace weft::detail
