#include "runtime/fiber/context.hpp"

#include <cstring>

namespace weft::detail {

static_assert(sizeof(exception_state) == 16, "the Itanium ABI's __cxa_eh_globals");

void prepare_context(context* c, std::byte* limit, std::byte* top,
                     void (*entry)(boost::context::detail::transfer_t)) noexcept {
  const auto size = static_cast<std::size_t>(top - limit);
  c->fctx = boost::context::detail::make_fcontext(top, size, entry);
  c->exceptions = {};
#if defined(WEFT_SANITIZE_ADDRESS)
  c->fake_stack = nullptr;
  c->bottom = limit;
  c->size = size;
#endif
#if defined(WEFT_SANITIZE_THREAD)
  c->tsan_fiber = __tsan_create_fiber(0);
#endif
}

void adopt_thread_context([[maybe_unused]] context* c) noexcept {
#if defined(WEFT_SANITIZE_THREAD)
  c->tsan_fiber = __tsan_get_current_fiber();
#endif
}

}  // namespace weft::detail
