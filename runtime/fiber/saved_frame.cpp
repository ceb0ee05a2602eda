#include "runtime/fiber/saved_frame.hpp"

#include <cstddef>
#include <cstring>

namespace weft::detail {

bool read_saved_frame(boost::context::detail::fcontext_t fctx, const stack_bounds& bounds,
                      saved_registers* out) noexcept {
#if defined(__x86_64__) && defined(__LP64__)
  constexpr std::size_t words = 8;
#elif defined(__aarch64__)
  constexpr std::size_t words = 22;
#else
  constexpr std::size_t words = 0;
#endif
  const auto frame = reinterpret_cast<std::uintptr_t>(fctx);
  if (words == 0 || !bounds.holds(frame) || bounds.high - frame < words * sizeof(void*)) {
    return false;
  }
  std::uintptr_t word[words + 1];
  std::memcpy(word, fctx, words * sizeof(void*));
  out->sp = frame + words * sizeof(void*);
#if defined(__x86_64__)
  out->r12 = word[1];
  out->r13 = word[2];
  out->r14 = word[3];
  out->r15 = word[4];
  out->rbx = word[5];
  out->fp = word[6];
  out->pc = word[7];
  out->sp += jump_lowers_stack_by;
  out->pc += jump_raises_stack_within;
#elif defined(__aarch64__)
  std::memcpy(out->x19_to_x28, word + 8, sizeof out->x19_to_x28);
  out->fp = word[18];
  out->lr = word[19];
  out->pc = word[20];
#endif
  return true;
}

}  // namespace weft::detail
