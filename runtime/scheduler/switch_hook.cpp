// Tells a checking library of fibers that leave their threads: see weft/detail/switch_hook.hpp.
#include "weft/detail/switch_hook.hpp"

#include <dlfcn.h>

#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

switch_hook hook = nullptr;

void tell(const G* g) noexcept {
  const bool waits = g->status.load(std::memory_order_relaxed) == g_status::waiting;
  const switch_info info{
      .fiber = g->id,
      .name = g->name != nullptr ? g->name->c_str() : "",
      .reason = to_string(waits ? g->reason : wait_reason::yield),
  };
  hook(&info);
}

}  // namespace

void find_switch_hook() noexcept {
  hook = reinterpret_cast<switch_hook>(dlsym(RTLD_DEFAULT, switch_hook_name));
  sched.on_switch = hook != nullptr ? tell : nullptr;
}

}  // namespace weft::detail
