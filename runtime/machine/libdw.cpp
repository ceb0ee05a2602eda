// symbols through elfutils' libdw, loaded when it is first needed.
//
// Loaded, not linked, so that weft needs it nowhere. Debug information is looked for in the file
// itself and, by build id, where distributions put it; never asked for over the network.
#include "runtime/machine/symbols.hpp"

#if defined(WEFT_WITH_LIBDW)

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "runtime/machine/optional_library.hpp"

namespace weft::detail {

namespace {

// clang-format off
#define WEFT_LIBDW_FUNCTIONS(X) \
  X(dwfl_begin) X(dwfl_end) X(dwfl_linux_proc_report) X(dwfl_report_end) \
  X(dwfl_linux_proc_find_elf) X(dwfl_build_id_find_debuginfo) X(dwfl_addrmodule) \
  X(dwfl_module_addrinfo) X(dwfl_module_addrdie) X(dwfl_module_nextcu) X(dwarf_haspc) \
  X(dwarf_getscopes) X(dwarf_getscopes_die) X(dwarf_tag) X(dwarf_diename) X(dwarf_attr) \
  X(dwarf_attr_integrate) X(dwarf_formstring) X(dwarf_formudata) X(dwarf_diecu) \
  X(dwarf_getsrcfiles) X(dwarf_filesrc) X(dwarf_getsrc_die) X(dwarf_linesrc) X(dwarf_lineno)
// clang-format on

struct library {
#define WEFT_DECLARE(name) decltype(&::name) name = nullptr;
  WEFT_LIBDW_FUNCTIONS(WEFT_DECLARE)
#undef WEFT_DECLARE
  bool complete = false;

  library() noexcept {
    void* const handle = load_optional_library("libdw.so.1");
    if (handle == nullptr) {
      return;
    }
    complete = true;
#define WEFT_FIND(name)                                          \
  name = reinterpret_cast<decltype(name)>(dlsym(handle, #name)); \
  complete = complete && name != nullptr;
    WEFT_LIBDW_FUNCTIONS(WEFT_FIND)
#undef WEFT_FIND
  }
};

const library& dw() noexcept {
  static const library loaded;
  return loaded;
}

struct session {
  Dwfl_Callbacks callbacks{};
  Dwfl* dwfl = nullptr;
};

std::string function_of(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (Dwarf_Attribute* const a = dw().dwarf_attr_integrate(die, name, &attribute)) {
      if (const char* const text = dw().dwarf_formstring(a); text != nullptr) {
        return demangled(text);
      }
    }
  }
  const char* const plain = dw().dwarf_diename(die);
  return plain != nullptr ? plain : "";
}

Dwarf_Word number_of(Dwarf_Die* die, unsigned name) noexcept {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dw().dwarf_attr(die, name, &attribute) == nullptr ||
      dw().dwarf_formudata(&attribute, &value) != 0) {
    return 0;
  }
  return value;
}

// Where an inlined function was called from.
void set_call_site(Dwarf_Die* inlined, code_location* out) {
  out->line = static_cast<int>(number_of(inlined, DW_AT_call_line));
  Dwarf_Die unit;
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  if (dw().dwarf_diecu(inlined, &unit, nullptr, nullptr) != nullptr &&
      dw().dwarf_getsrcfiles(&unit, &files, &count) == 0) {
    const Dwarf_Word index = number_of(inlined, DW_AT_call_file);
    const char* const name =
        index < count ? dw().dwarf_filesrc(files, index, nullptr, nullptr) : nullptr;
    out->file = name != nullptr ? name : "";
  }
}

// The compilation unit with the code at `address`; `bias` is what its addresses are less by. Clang
// writes no index of addresses unless asked to, and with that of others the wrong unit may be
// found: then all units are looked at.
Dwarf_Die* unit_at(Dwfl_Module* module, Dwarf_Addr address, Dwarf_Addr* bias) noexcept {
  Dwarf_Die* unit = dw().dwfl_module_addrdie(module, address, bias);
  if (unit != nullptr && dw().dwarf_haspc(unit, address - *bias) > 0) {
    return unit;
  }
  unit = nullptr;
  do {
    unit = dw().dwfl_module_nextcu(module, unit, bias);
  } while (unit != nullptr && dw().dwarf_haspc(unit, address - *bias) <= 0);
  return unit;
}

void set_line(Dwarf_Die* unit, Dwarf_Addr address, code_location* out) {
  Dwarf_Line* const line = dw().dwarf_getsrc_die(unit, address);
  const char* const file = line != nullptr ? dw().dwarf_linesrc(line, nullptr, nullptr) : nullptr;
  if (file != nullptr) {
    out->file = file;
    dw().dwarf_lineno(line, &out->line);
  }
}

using die_array = std::unique_ptr<Dwarf_Die, void (*)(void*)>;

// The scopes around the address as they are nested in the code, innermost first.
die_array scopes_at(Dwarf_Die* unit, Dwarf_Addr address, int* count) {
  Dwarf_Die* found = nullptr;
  *count = dw().dwarf_getscopes(unit, address, &found);
  die_array around(found, std::free);
  if (*count <= 0) {
    return around;
  }
  Dwarf_Die innermost = *around;
  found = nullptr;
  *count = dw().dwarf_getscopes_die(&innermost, &found);
  return {found, std::free};
}

// Inlined functions around the address go to `out`; the one they were inlined into stays `here`.
void add_inlined(Dwarf_Die* unit, Dwarf_Addr address, code_location* here,
                 std::vector<code_location>* out) {
  int count = 0;
  const die_array scopes = scopes_at(unit, address, &count);
  for (int i = 0; i < count; ++i) {
    Dwarf_Die* const die = scopes.get() + i;
    const int tag = dw().dwarf_tag(die);
    if (tag == DW_TAG_subprogram) {
      here->function = function_of(die);
      return;
    }
    if (tag == DW_TAG_inlined_subroutine) {
      here->function = function_of(die);
      out->push_back(std::exchange(*here, {}));
      set_call_site(die, here);
    }
  }
}

}  // namespace

void* open_debug_info() noexcept {
  if (!dw().complete) {
    return nullptr;
  }
  auto made = std::make_unique<session>();
  made->callbacks.find_elf = dw().dwfl_linux_proc_find_elf;
  made->callbacks.find_debuginfo = dw().dwfl_build_id_find_debuginfo;
  made->dwfl = dw().dwfl_begin(&made->callbacks);
  if (made->dwfl == nullptr) {
    return nullptr;
  }
  if (dw().dwfl_linux_proc_report(made->dwfl, getpid()) != 0 ||
      dw().dwfl_report_end(made->dwfl, nullptr, nullptr) != 0) {
    dw().dwfl_end(made->dwfl);
    return nullptr;
  }
  return made.release();
}

void close_debug_info(void* opened) noexcept {
  const std::unique_ptr<session> s(static_cast<session*>(opened));
  if (s != nullptr) {
    dw().dwfl_end(s->dwfl);
  }
}

bool find_in_debug_info(void* opened, std::uintptr_t address, std::vector<code_location>* out) {
  Dwfl_Module* const module = dw().dwfl_addrmodule(static_cast<session*>(opened)->dwfl, address);
  if (module == nullptr) {
    return false;
  }
  code_location here;
  Dwarf_Addr bias = 0;
  if (Dwarf_Die* const unit = unit_at(module, address, &bias); unit != nullptr) {
    set_line(unit, address - bias, &here);
    add_inlined(unit, address - bias, &here, out);
  }
  GElf_Off offset = 0;
  GElf_Sym symbol;
  const char* const name =
      dw().dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
  if (name != nullptr) {
    here.function = demangled(name);
  }
  if (here.function.empty() && here.file.empty()) {
    return !out->empty();
  }
  out->push_back(std::move(here));
  return true;
}

}  // namespace weft::detail

#else

namespace weft::detail {

void* open_debug_info() noexcept { return nullptr; }
void close_debug_info(void*) noexcept {}
bool find_in_debug_info(void*, std::uintptr_t, std::vector<code_location>*) { return false; }

}  // namespace weft::detail

#endif
