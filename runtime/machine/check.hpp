// Invariants: WEFT_CHECK stops the process with the place and the reason when one is broken.
// Compiled in with WEFT_CHECKS (Debug and sanitizer builds). fatal() is for what a user must see
// in every build.
#pragma once

namespace weft::detail {

// Prints "fatal error: weft: ..." and aborts. Async-signal-safe.
[[noreturn]] void fatal(const char* what) noexcept;
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace weft::detail

#if defined(WEFT_CHECKS) && WEFT_CHECKS
#define WEFT_CHECK(condition) \
  ((condition) ? void() : ::weft::detail::check_failed(#condition, __FILE__, __LINE__))
#else
#define WEFT_CHECK(condition) void()
#endif
