#include "weft/detail/wait_reason.hpp"

#include <array>

namespace weft::detail {

const char* to_string(wait_reason reason) noexcept {
  static constexpr std::array names = {
      "none",
      "channel send",
      "channel receive",
      "nil channel",
      "select",
      "select without cases",
      "sleep",
      "join",
      "mutex",
      "shared mutex",
      "condition variable",
      "wait group",
      "once",
      "semaphore",
      "latch",
      "barrier",
      "error group",
      "single flight",
      "timer",
      "yield",
  };
  static_assert(names.size() == static_cast<std::size_t>(wait_reason::count_));
  return names[static_cast<std::size_t>(reason)];
}

}  // namespace weft::detail
