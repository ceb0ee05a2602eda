// Reading what jump_fcontext() leaves on the stack of a context that is not running.
//
// Source: Boost.Context's jump_x86_64_sysv_elf_gas.S and jump_arm64_aapcs_elf_gas.S, as released
// since 1.61. `fctx` is the stack pointer after the registers were saved:
//
//   x86-64   0x00 mxcsr, x87 control   0x08 r12  0x10 r13  0x18 r14  0x20 r15  0x28 rbx  0x30 rbp
//            0x38 the return address
//   aarch64  0x00 d8 to d15   0x40 x19 to x28   0x90 x29  0x98 x30   0xa0 pc, and eight to align
//
// The stack pointer given is the one that the code at pc is described for: see
// jump_without_call(), which lowers it by 128 first.
// Tested by: tests/unit/backtrace_test.cpp
#pragma once

#include "runtime/fiber/context.hpp"
#include "runtime/machine/registers.hpp"

namespace weft::detail {

// False if the processor's layout is not known or the frame is not inside `bounds`.
bool read_saved_frame(boost::context::detail::fcontext_t fctx, const stack_bounds& bounds,
                      saved_registers* out) noexcept;

}  // namespace weft::detail
