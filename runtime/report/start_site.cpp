#include "runtime/report/start_site.hpp"

#include <elf.h>
#include <link.h>

#include <cstddef>

namespace weft::detail {

namespace {

struct search {
  std::uint32_t wanted;
  std::uintptr_t first = 0;
  std::uintptr_t called = 0;  // the first one that a call returns to
};

// A call's return address: the instruction before it is a call, of which there are two kinds, with
// few lengths. Elsewhere than on x86 the first find has to do.
bool follows_call(std::uintptr_t address, std::uintptr_t begin) noexcept {
#if defined(__x86_64__)
  const auto byte_before = [address, begin](std::size_t n) -> unsigned {
    return address - begin < n ? 0 : *reinterpret_cast<const unsigned char*>(address - n);
  };
  return byte_before(5) == 0xe8 || byte_before(6) == 0xff || byte_before(2) == 0xff ||
         byte_before(3) == 0xff;
#else
  return address > begin;
#endif
}

void look_at(const ElfW(Phdr) & part, std::uintptr_t base, search* s) noexcept {
  constexpr std::uintptr_t upper_half = ~std::uintptr_t{0xffffffff};
  if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0 || (part.p_flags & PF_R) == 0) {
    return;
  }
  const std::uintptr_t begin = base + part.p_vaddr;
  const std::uintptr_t end = begin + part.p_memsz;
  std::uintptr_t address = (begin & upper_half) | s->wanted;
  if (address < begin) {
    address += ~upper_half + 1;
  }
  if (address >= end) {
    return;
  }
  if (s->first == 0) {
    s->first = address;
  }
  if (s->called == 0 && follows_call(address, begin)) {
    s->called = address;
  }
}

int look_at_module(dl_phdr_info* module, std::size_t, void* arg) noexcept {
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    look_at(module->dlpi_phdr[i], module->dlpi_addr, static_cast<search*>(arg));
  }
  return 0;
}

}  // namespace

std::uintptr_t find_start_site(std::uint32_t lower_half) noexcept {
  search s{lower_half};
  if (lower_half != 0) {
    dl_iterate_phdr(look_at_module, &s);
  }
  const std::uintptr_t found = s.called != 0 ? s.called : s.first;
  return found != 0 ? found - 1 : 0;
}

}  // namespace weft::detail
