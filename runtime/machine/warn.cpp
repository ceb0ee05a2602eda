#include "runtime/machine/warn.hpp"

#include <poll.h>
#include <unistd.h>

namespace weft::detail {

void warn(std::string_view line) noexcept {
  pollfd err{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  // A pipe that can be written to has room for a page.
  if (poll(&err, 1, 0) == 1 && (err.revents & POLLOUT) != 0) {
    [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, line.data(), line.size());
  }
}

}  // namespace weft::detail
