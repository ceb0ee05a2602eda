// The first frame on a fiber's stack: calls weft_fiber_entry() and says that nothing lies below.
//
// Boost.Context enters it with a return address that leads out of the process and no description
// for unwinders. So: the return address is declared undefined, at which DWARF unwinders (gdb,
// libunwind, libgcc, perf) stop, and the frame pointer is zero, at which the others do.
//
// The entry is called by a jump: it will not return, and a call would leave one address too many in
// the processor's return predictor, see jump_without_call() in context.hpp.
//
// Its personality routine is asked last when an exception has found no handler, with the stack still
// as it was at the throw. See foot.hpp, report/uncaught.cpp.

#if defined(__x86_64__) && defined(__LP64__)

    .text
    .globl  weft_fiber_foot
    .hidden weft_fiber_foot
    .hidden weft_fiber_entry
    .hidden weft_foot_personality
    .type   weft_fiber_foot, @function
    .p2align 4
weft_fiber_foot:
    .cfi_startproc
    .cfi_personality 0x1b, weft_foot_personality
    .cfi_undefined rip
    endbr64
    xorl    %ebp, %ebp
    subq    $8, %rsp
    leaq    1f(%rip), %rax
    pushq   %rax
    .cfi_adjust_cfa_offset 16
    jmp     weft_fiber_entry
1:  ud2
    .cfi_endproc
    .size   weft_fiber_foot, . - weft_fiber_foot

#elif defined(__aarch64__) && defined(__ELF__)

    .text
    .globl  weft_fiber_foot
    .hidden weft_fiber_foot
    .hidden weft_fiber_entry
    .hidden weft_foot_personality
    .type   weft_fiber_foot, %function
    .p2align 4
weft_fiber_foot:
    .cfi_startproc
    .cfi_personality 0x1b, weft_foot_personality
    .cfi_undefined x30
    hint    #34
    mov     x29, xzr
    adr     x30, 1f
    b       weft_fiber_entry
1:  brk     #0
    .cfi_endproc
    .size   weft_fiber_foot, . - weft_fiber_foot

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
