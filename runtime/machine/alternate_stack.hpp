// A stack for signal handlers: one that has overflowed cannot run them.
//
// For the thread that makes it, from construction to destruction. What was set before is set again
// afterwards: a sanitizer's runtime frees what it finds at the end of a thread.
#pragma once

#include <signal.h>

#include <cstddef>

namespace weft::detail {

class alternate_stack {
 public:
  alternate_stack() noexcept;
  ~alternate_stack();
  alternate_stack(const alternate_stack&) = delete;
  alternate_stack& operator=(const alternate_stack&) = delete;

 private:
  // Handlers that print a backtrace read debug information. Committed as it is used.
  static constexpr std::size_t size = std::size_t{256} * 1024;

  void* memory_ = nullptr;  // null: there was none to be had; overflows are then silent
  stack_t before_{};
};

}  // namespace weft::detail
