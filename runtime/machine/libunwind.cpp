// walk_with_libunwind(): libunwind, loaded when it is first needed.
//
// Loaded, not linked: a program that has libunwind linked in raises its exceptions through it, as
// it also offers the _Unwind_ functions; and weft shall need it nowhere.
//
// libunwind reads the stack as its tables tell it. The stack is at rest, so they are right; still,
// each step must go up and stay inside the bounds.
#include "runtime/machine/backtrace.hpp"

#if defined(WEFT_WITH_LIBUNWIND)

#define UNW_LOCAL_ONLY
#include <dlfcn.h>
#include <libunwind.h>

#include "runtime/machine/optional_library.hpp"

namespace weft::detail {

namespace {

#define WEFT_TEXT_OF(name) #name
#define WEFT_TEXT(name) WEFT_TEXT_OF(name)

struct library {
  decltype(&unw_init_local2) init = nullptr;
  decltype(&unw_step) step = nullptr;
  decltype(&unw_get_reg) get = nullptr;

  library() noexcept {
    void* const handle = load_optional_library("libunwind.so.8");
    if (handle == nullptr) {
      return;
    }
    // The names are macros for names with the processor's in them.
    const auto wanted_init = dlsym(handle, WEFT_TEXT(unw_init_local2));
    const auto wanted_step = dlsym(handle, WEFT_TEXT(unw_step));
    const auto wanted_get = dlsym(handle, WEFT_TEXT(unw_get_reg));
    if (wanted_init != nullptr && wanted_step != nullptr && wanted_get != nullptr) {
      init = reinterpret_cast<decltype(init)>(wanted_init);
      step = reinterpret_cast<decltype(step)>(wanted_step);
      get = reinterpret_cast<decltype(get)>(wanted_get);
    }
  }
};

void set_context(unw_context_t& c, const saved_registers& from) noexcept {
#if defined(__x86_64__)
  auto& r = c.uc_mcontext.gregs;
  r[REG_RIP] = static_cast<greg_t>(from.pc);
  r[REG_RSP] = static_cast<greg_t>(from.sp);
  r[REG_RBP] = static_cast<greg_t>(from.fp);
  r[REG_RBX] = static_cast<greg_t>(from.rbx);
  r[REG_R12] = static_cast<greg_t>(from.r12);
  r[REG_R13] = static_cast<greg_t>(from.r13);
  r[REG_R14] = static_cast<greg_t>(from.r14);
  r[REG_R15] = static_cast<greg_t>(from.r15);
#elif defined(__aarch64__)
  auto& m = c.uc_mcontext;
  m.pc = from.pc;
  m.sp = from.sp;
  m.regs[29] = from.fp;
  m.regs[30] = from.lr;
  for (int i = 0; i < 10; ++i) {
    m.regs[19 + i] = from.x19_to_x28[i];
  }
#endif
}

}  // namespace

bool walk_with_libunwind(const saved_registers& from, const stack_bounds& bounds,
                         backtrace& out) noexcept {
  static const library unwinder;
  if (unwinder.init == nullptr) {
    return false;
  }
  unw_context_t context{};
  set_context(context, from);
  unw_cursor_t cursor;
  // "Signal frame": the address is that of the next instruction to run, not a return address.
  if (unwinder.init(&cursor, &context, UNW_INIT_SIGNAL_FRAME) != 0) {
    return false;
  }
  std::uintptr_t below = from.sp;
  std::uintptr_t pc = from.pc;
  if (below < bounds.low || below > bounds.high) {
    return true;
  }
  while (pc != 0) {
    out.add(pc - 1);
    unw_word_t next_pc = 0;
    unw_word_t sp = 0;
    if (unwinder.step(&cursor) <= 0 || unwinder.get(&cursor, UNW_REG_IP, &next_pc) != 0 ||
        unwinder.get(&cursor, UNW_REG_SP, &sp) != 0 || sp <= below || sp > bounds.high) {
      break;
    }
    pc = next_pc;
    below = sp;
  }
  return true;
}

}  // namespace weft::detail

#else

namespace weft::detail {

bool walk_with_libunwind(const saved_registers&, const stack_bounds&, backtrace&) noexcept {
  return false;
}

}  // namespace weft::detail

#endif
