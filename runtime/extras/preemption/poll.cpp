// The poll that compilers insert at every branch of a target with weft_enable_preemption(): a load
// when nobody is asked to yield.
//
// Hidden, so each executable and shared library has its own. Must not be instrumented itself, nor,
// unoptimised, call inline functions that the target may have compiled: hence the builtin.
#include "weft/detail/preempt.hpp"

#if defined(__clang__)
#define NOT_INSTRUMENTED __attribute__((no_sanitize("coverage")))
#else
#define NOT_INSTRUMENTED __attribute__((no_sanitize_coverage))
#endif

extern "C" {

void __sanitizer_cov_trace_pc() noexcept;

NOT_INSTRUMENTED void __sanitizer_cov_trace_pc() noexcept {
  static_assert(sizeof weft::detail::preempt_wanted == sizeof(std::uint32_t));
  const auto* const wanted = reinterpret_cast<const std::uint32_t*>(&weft::detail::preempt_wanted);
  if (__atomic_load_n(wanted, __ATOMIC_RELAXED) != 0) [[unlikely]] {
    weft::detail::checkpoint_slow();
  }
}

}  // extern "C"
