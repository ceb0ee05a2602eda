#include "runtime/machine/optional_library.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <cstddef>

namespace weft::detail {

namespace {

// The first module is the program itself. Only a dynamic one names its loader.
int names_a_loader(dl_phdr_info* program, std::size_t, void*) noexcept {
  constexpr int yes = 1;
  constexpr int no = 2;
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    if (program->dlpi_phdr[i].p_type == PT_INTERP) {
      return yes;
    }
  }
  return no;
}

}  // namespace

void* load_optional_library(const char* name) noexcept {
  if (dl_iterate_phdr(names_a_loader, nullptr) != 1) {
    return nullptr;
  }
  return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

}  // namespace weft::detail
