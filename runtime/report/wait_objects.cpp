#include "runtime/report/wait_objects.hpp"

namespace weft::detail {

std::size_t wait_objects(const G& g, const void** out, std::size_t most) noexcept {
  if (g.point == nullptr) {
    return 0;
  }
  switch (g.reason) {
    case wait_reason::none:
    case wait_reason::nil_chan:
    case wait_reason::select_forever:
    case wait_reason::sleep:
    case wait_reason::join:
    case wait_reason::timer:
    case wait_reason::yield:
    case wait_reason::count_:
      return 0;
    case wait_reason::select:
      return selected_objects(g.point, out, most);
    default:
      // All the others stand in one queue.
      if (most > 0) {
        out[0] = static_cast<const waiter*>(g.point)->guard;
      }
      return 1;
  }
}

}  // namespace weft::detail
