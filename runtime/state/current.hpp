// Who runs here: the one accessor of the runtime's only thread_local.
//
// A fiber may resume on another thread, and compilers keep the addresses of thread-locals across
// calls (llvm/llvm-project#98479: not considered a bug). The accessor is therefore not inlined,
// lives in a translation unit of its own, and its result passes through an empty asm that the
// compiler cannot see through. Never keep the result across a park.
// Tested by: tests/unit/migration_test.cpp (-O2, -fPIC, LTO, both compilers)
#pragma once

namespace weft::detail {

struct M;
struct G;

// The calling thread's M, null on a plain thread.
M* current_m() noexcept;
void set_current_m(M* m) noexcept;

// The calling plain thread's stand-in, made at the first use, freed when the thread ends. Takes no
// lock but the allocator's.
G* current_stand_in();

// Calls visit(stand_in, arg) for each stand-in, with the list locked. May take object locks.
void for_each_stand_in(void (*visit)(G*, void*), void* arg) noexcept;

}  // namespace weft::detail
