// Switching from one stack to another: Boost.Context's jump_fcontext plus what C++ and the
// sanitizers need to be told.
//
// A `context` is a place that execution can come back to: a fiber's, or the M's own (its g0).
// jump() leaves `from` and continues in `to`. Execution resumes after the jump on the stack that
// was jumped to, with the M that the jumper ran on: the result. Only there is `from` complete
// (its stack pointer known), so whatever lets others resume `from` must run after the jump.
//
// Per jump, besides the jump itself: the exception state of the C++ runtime (16 bytes, per
// thread) is swapped, so that a fiber may wait inside a catch block and resume on another thread.
//
// Tested by: tests/unit/migration_test.cpp, tests/unit/unwind_test.cpp,
// tests/unit/profiler_test.cpp
#pragma once

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(WEFT_SANITIZE_ADDRESS)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(WEFT_SANITIZE_THREAD)
#include <sanitizer/tsan_interface.h>
#endif

namespace weft::detail {

// The Itanium ABI's __cxa_eh_globals: caughtExceptions and uncaughtExceptions.
struct exception_state {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

struct context {
  boost::context::detail::fcontext_t fctx = nullptr;
  exception_state exceptions;
#if defined(WEFT_SANITIZE_ADDRESS)
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
#endif
#if defined(WEFT_SANITIZE_THREAD)
  void* tsan_fiber = nullptr;
#endif
};

// What a switch needs to know of the thread it happens on.
struct switcher {
  context* left = nullptr;  // the context that the last jump on this thread came from
  exception_state* thread_exceptions = nullptr;
};

inline exception_state* this_thread_exceptions() noexcept {
  return reinterpret_cast<exception_state*>(abi::__cxa_get_globals());
}

// First thing after arriving on a stack: completes the context that was left.
inline void arrived(switcher* s, boost::context::detail::fcontext_t from_fctx,
                    [[maybe_unused]] void* own_fake_stack) noexcept {
  s->left->fctx = from_fctx;
#if defined(WEFT_SANITIZE_ADDRESS)
  __sanitizer_finish_switch_fiber(own_fake_stack, &s->left->bottom, &s->left->size);
#endif
}

#if defined(__x86_64__) && defined(__LP64__) && !defined(WEFT_SANITIZE_ADDRESS) && \
    !defined(WEFT_SANITIZE_THREAD)
#define WEFT_JUMP_WITHOUT_CALL 1
// Between the jump and the return to the caller the stack pointer is so much lower; and it takes so
// many bytes of code, from where jump_fcontext returns to, until it is the caller's again.
inline constexpr std::size_t jump_lowers_stack_by = 128;
inline constexpr std::size_t jump_raises_stack_within = 9;
#else
#define WEFT_JUMP_WITHOUT_CALL 0
inline constexpr std::size_t jump_lowers_stack_by = 0;
inline constexpr std::size_t jump_raises_stack_within = 0;
#endif

// While the stack pointer is elsewhere than the compiler believes, a profiler's signal must not
// walk on from here: it would take anything for a return address. So the stack ends here for as
// long.
#if defined(__GCC_HAVE_DWARF2_CFI_ASM)
#define WEFT_CFI_END_OF_STACK ".cfi_remember_state\n\t.cfi_undefined rip\n\t"
#define WEFT_CFI_AS_BEFORE ".cfi_restore_state\n\t"
#else
#define WEFT_CFI_END_OF_STACK ""
#define WEFT_CFI_AS_BEFORE ""
#endif

// jump_fcontext, entered by a jump. It leaves its caller's frame by an indirect jump, too, so a
// call would leave one return address too many in the processor's return predictor at every
// switch, and each return of the resumed fiber's frames would be mispredicted: 25 of 37 ns of a
// yield were spent on that here.
inline boost::context::detail::transfer_t jump_without_call(boost::context::detail::fcontext_t to,
                                                            void* data) noexcept {
#if WEFT_JUMP_WITHOUT_CALL
  void* from;
  void* passed;
  asm volatile(WEFT_CFI_END_OF_STACK
               "leaq -128(%%rsp), %%rsp\n\t"  // past the red zone: jump_lowers_stack_by
               "leaq 1f(%%rip), %%rax\n\t"
               "pushq %%rax\n\t"
               "jmp *jump_fcontext@GOTPCREL(%%rip)\n"
               "1:\n\t"
               "leaq 128(%%rsp), %%rsp\n\t"  // 8 bytes: see jump_raises_stack_within
               WEFT_CFI_AS_BEFORE "nop"
               : "=a"(from), "=d"(passed), "+D"(to), "+S"(data)
               :
               : "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                 "xmm15",
#if defined(__AVX512F__)
                 "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
                 "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3",
                 "k4", "k5", "k6", "k7",
#endif
                 "cc", "memory");
  return {from, passed};
#else
  return boost::context::detail::jump_fcontext(to, data);
#endif
}

// Leaves `from` for `to` on the thread of `s`. Returns, whenever somebody jumps back to `from`,
// the switcher of the thread that did. `last`: `from` will never be resumed.
inline switcher* jump(switcher* s, context* from, context* to,
                      [[maybe_unused]] bool last = false) noexcept {
  // As a block: member by member it takes twice the instructions.
  std::memcpy(&from->exceptions, s->thread_exceptions, sizeof(exception_state));
  std::memcpy(s->thread_exceptions, &to->exceptions, sizeof(exception_state));
  s->left = from;
#if defined(WEFT_SANITIZE_ADDRESS)
  __sanitizer_start_switch_fiber(last ? nullptr : &from->fake_stack, to->bottom, to->size);
#endif
#if defined(WEFT_SANITIZE_THREAD)
  __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
  const auto back = jump_without_call(to->fctx, s);
  auto* now = static_cast<switcher*>(back.data);
#if defined(WEFT_SANITIZE_ADDRESS)
  arrived(now, back.fctx, from->fake_stack);
#else
  arrived(now, back.fctx, nullptr);
#endif
  return now;
}

// Asks for the memory that a jump to `c` needs first. With thousands of fibers, each on a page of
// its own, that is in no cache, nor is its address in the processor's tables.
inline void prefetch_context(const context* c) noexcept {
  const auto* const saved = static_cast<const std::byte*>(c->fctx);
  constexpr std::ptrdiff_t line = 64;
  __builtin_prefetch(saved, 1);
  __builtin_prefetch(saved + line, 1);
  __builtin_prefetch(saved + 2 * line, 1);
}

// Makes `c` start `entry` on the stack [limit, top) at the first jump to it.
void prepare_context(context* c, std::byte* limit, std::byte* top,
                     void (*entry)(boost::context::detail::transfer_t)) noexcept;

// Forgets the sanitizer's side of a context that was left for the last time.
inline void retire_context([[maybe_unused]] context* c) noexcept {
#if defined(WEFT_SANITIZE_THREAD)
  __tsan_destroy_fiber(c->tsan_fiber);
  c->tsan_fiber = nullptr;
#endif
}

// Fills in the sanitizers' idea of the calling thread's own stack, for its g0.
void adopt_thread_context(context* c) noexcept;

}  // namespace weft::detail
