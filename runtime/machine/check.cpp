#include "runtime/machine/check.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weft::detail {

namespace {
void print(const char* text) noexcept {
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, std::strlen(text));
}
}  // namespace

void fatal(const char* what) noexcept {
  print("fatal error: weft: ");
  print(what);
  print("\n");
  std::abort();
}

void check_failed(const char* condition, const char* file, int line) noexcept {
  char where[512];
  std::snprintf(where, sizeof where, "broken invariant: %s (%s:%d)", condition, file, line);
  fatal(where);
}

}  // namespace weft::detail
