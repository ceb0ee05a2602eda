#include "runtime/machine/symbols.hpp"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace weft::detail {

namespace {

std::string in_module(std::uintptr_t address) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
  std::string result = text;
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(address), &info) != 0 && info.dli_fname != nullptr) {
    const auto offset = address - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
    std::snprintf(text, sizeof text, "+0x%llx", static_cast<unsigned long long>(offset));
    result += std::string(" (") + info.dli_fname + text + ')';
  }
  return result;
}

code_location from_dynamic_symbols(std::uintptr_t address) {
  Dl_info info{};
  code_location result;
  if (dladdr(reinterpret_cast<void*>(address), &info) != 0 && info.dli_sname != nullptr) {
    result.function = demangled(info.dli_sname);
  }
  return result;
}

}  // namespace

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return text != nullptr ? text.get() : name;
}

std::string code_location::text(std::uintptr_t address) const {
  std::string result = function.empty() ? in_module(address) : function;
  if (!file.empty()) {
    result += " at " + file;
    if (line != 0) {
      result += ':' + std::to_string(line);
    }
  } else if (!function.empty()) {
    result += " at " + in_module(address);
  }
  return result;
}

symbols::symbols() : session_(open_debug_info()) {}

symbols::~symbols() { close_debug_info(session_); }

const std::vector<code_location>& symbols::at(std::uintptr_t address) {
  auto [place, is_new] = known_.try_emplace(address);
  if (is_new && (session_ == nullptr || !find_in_debug_info(session_, address, &place->second))) {
    place->second.push_back(from_dynamic_symbols(address));
  }
  return place->second;
}

}  // namespace weft::detail
