#include "runtime/machine/backtrace.hpp"

#include <unwind.h>

#include <cstring>

namespace weft::detail {

namespace {

// Deeper than any stack that ends; a loop in broken unwind tables does not.
constexpr std::size_t deepest = 1'000'000;

struct own_walk {
  backtrace* out;
  stack_bounds only;
  std::size_t to_skip;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* frame, void* arg) noexcept {
  own_walk& walk = *static_cast<own_walk*>(arg);
  if (walk.to_skip > 0) {
    --walk.to_skip;
    return _URC_NO_REASON;
  }
  int exact = 0;
  const std::uintptr_t pc = _Unwind_GetIPInfo(frame, &exact);
  if (pc == 0 || walk.out->depth() == deepest) {
    return _URC_NORMAL_STOP;
  }
  const auto sp = static_cast<std::uintptr_t>(_Unwind_GetCFA(frame));
  if (sp < walk.only.low || sp > walk.only.high) {
    return _URC_NO_REASON;
  }
  walk.out->add(exact != 0 ? pc : pc - 1);
  return _URC_NO_REASON;
}

// Bounds are checked by the caller.
std::uintptr_t word_at(std::uintptr_t address) noexcept {
  std::uintptr_t word;
  std::memcpy(&word, reinterpret_cast<const void*>(address), sizeof word);
  return word;
}

}  // namespace

void walk_own_stack(backtrace& out, stack_bounds only) noexcept {
  own_walk walk{&out, only, 1};
  _Unwind_Backtrace(add_frame, &walk);
}

void walk_frame_pointers(const saved_registers& from, const stack_bounds& bounds,
                         backtrace& out) noexcept {
  if (from.pc == 0) {
    return;
  }
  out.add(from.pc - 1);
  std::uintptr_t frame = from.fp;
  std::uintptr_t below = from.sp;
  // Each frame is: the caller's frame pointer, then the return address. Frames only go up.
  while (frame >= below && bounds.holds(frame) && bounds.holds(frame + sizeof(void*)) &&
         out.depth() < deepest) {
    const std::uintptr_t pc = word_at(frame + sizeof(void*));
    if (pc == 0) {
      return;
    }
    out.add(pc - 1);
    below = frame + 1;
    frame = word_at(frame);
  }
}

void walk_stack(const saved_registers& from, const stack_bounds& bounds, backtrace& out) noexcept {
  if (!walk_with_libunwind(from, bounds, out)) {
    walk_frame_pointers(from, bounds, out);
  }
}

}  // namespace weft::detail
