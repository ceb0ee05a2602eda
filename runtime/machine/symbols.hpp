// Names and lines for code addresses.
//
// With elfutils' libdw if weft was built with its headers and the library can be loaded now:
// functions, also inlined ones, with file and line. Else with dladdr: functions that are exported.
// Else the address and where it lies in its file, which addr2line understands.
//
// For one report: it sees the libraries that are loaded when it is made, and remembers what it
// found. Allocates; uses much stack, see report/aside.hpp. Not thread-safe.
//
// Tested by: tests/unit/backtrace_test.cpp
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace weft::detail {

struct code_location {
  std::string function;  // demangled; empty: not known
  std::string file;      // empty: not known
  int line = 0;

  // "f(int) at dir/file.cpp:12", or as much of it as is known.
  std::string text(std::uintptr_t address) const;
};

class symbols {
 public:
  symbols();
  ~symbols();
  symbols(const symbols&) = delete;
  symbols& operator=(const symbols&) = delete;

  // What stands at this address, as a walk gives it: innermost first, more than one where calls
  // were inlined, at least one. Valid for as long as this object.
  const std::vector<code_location>& at(std::uintptr_t address);

 private:
  void* session_ = nullptr;  // libdw's
  std::unordered_map<std::uintptr_t, std::vector<code_location>> known_;
};

// The demangled name, or the name.
std::string demangled(const char* name);

// libdw.cpp: all three do nothing where there is no libdw.
void* open_debug_info() noexcept;
void close_debug_info(void* opened) noexcept;
bool find_in_debug_info(void* opened, std::uintptr_t address, std::vector<code_location>* out);

}  // namespace weft::detail
