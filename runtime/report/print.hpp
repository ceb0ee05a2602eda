// Text to stderr, at once and whole.
#pragma once

#include <unistd.h>

#include <string_view>

namespace weft::detail {

inline void print_error(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t n = write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) {
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace weft::detail
