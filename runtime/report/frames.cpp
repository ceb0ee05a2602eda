#include "runtime/report/frames.hpp"

#include <string_view>

namespace weft::detail {

namespace {

bool ends_with_any_of(std::string_view file, std::initializer_list<std::string_view> endings) {
  for (const std::string_view ending : endings) {
    if (file.ends_with(ending)) {
      return true;
    }
  }
  return false;
}

bool is_plumbing(const code_location& where) {
  return where.file.find("/include/c++/") != std::string::npos ||
         ends_with_any_of(where.file, {"weft/detail/task.hpp"});
}

bool is_foot(const code_location& where) {
  const std::string_view name = where.function;
  return name == "weft_fiber_foot" || name == "weft_fiber_entry" || name == "fiber_main" ||
         name.find("::fiber_main(") != name.npos || name.starts_with("weft::detail::run_body(");
}

}  // namespace

void append_frames(std::string& out, const backtrace& trace, symbols& names, std::size_t first) {
  std::size_t number = 0;
  for (std::size_t i = first; i < trace.size(); ++i) {
    if (i == backtrace::most_inner && trace.left_out() > 0) {
      out += "  ... " + std::to_string(trace.left_out()) + " more ...\n";
      number += trace.left_out();
    }
    const auto& locations = names.at(trace[i]);
    for (const code_location& where : locations) {
      if ((is_plumbing(where) && !where.function.empty()) || is_foot(where)) {
        continue;
      }
      const std::string label = "  #" + std::to_string(number++);
      out += label + std::string(label.size() < 6 ? 6 - label.size() : 1, ' ');
      out += where.text(trace[i]) + '\n';
    }
  }
}

std::string call_site(std::uintptr_t address, symbols& names) {
  const auto& locations = names.at(address);
  for (const code_location& where : locations) {
    if (!is_plumbing(where) &&
        !ends_with_any_of(where.file, {"weft/go.hpp", "weft/wait_group.hpp", "weft/time.hpp"})) {
      return where.text(address);
    }
  }
  return locations.back().text(address);
}

}  // namespace weft::detail
