// What a dump says of a select: its channels.
#include <algorithm>

#include "channel/select_state.hpp"
#include "runtime/report/wait_objects.hpp"

namespace weft::detail {

std::size_t selected_objects(const cancel_point* select, const void** out,
                             std::size_t most) noexcept {
  const auto& state = *static_cast<const select_state*>(select);
  std::copy_n(state.order, std::min(state.count, most), out);
  return state.count;
}

}  // namespace weft::detail
