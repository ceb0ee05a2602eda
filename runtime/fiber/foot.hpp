// The foot of a fiber's stack: where it begins, and where walks up the stack end.
//
// prepare_context() is given weft_fiber_foot, which calls weft_fiber_entry. On processors that
// foot.S does not know, the entry itself is the foot: backtraces then end where the unwinder gives
// up, and an exception that no handler wants is terminate()'s.
//
// Tested by: tests/unit/backtrace_test.cpp
#pragma once

#include <boost/context/detail/fcontext.hpp>

#if (defined(__x86_64__) && defined(__LP64__)) || (defined(__aarch64__) && defined(__ELF__))
#define WEFT_HAS_FOOT 1
#else
#define WEFT_HAS_FOOT 0
#endif

extern "C" {

// Never returns. Defined by the scheduler.
void weft_fiber_entry(boost::context::detail::transfer_t from);

#if WEFT_HAS_FOOT
void weft_fiber_foot(boost::context::detail::transfer_t from);
#endif

}  // extern "C"

namespace weft::detail {

inline constexpr auto fiber_foot =
#if WEFT_HAS_FOOT
    weft_fiber_foot;
#else
    weft_fiber_entry;
#endif

}  // namespace weft::detail
