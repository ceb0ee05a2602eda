#include "runtime/report/frames.hpp"

#include <initializer_list>
#include <string_view>
#include <utility>

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

bool is_switch_or_foot(const code_location& where) {
  const std::string_view name = where.function;
  // The switch itself, at the top of every parked stack, what asks for a dump at that of its
  // caller, and what runs a fiber's function.
  return ends_with_any_of(where.file, {"runtime/fiber/context.hpp"}) ||
         name.starts_with("weft::detail::switch_away(") ||
         name.starts_with("weft::detail::dump_text") || name.find("take_census") != name.npos ||
         name == "weft_fiber_foot" || name == "weft_fiber_entry" || name == "fiber_main" ||
         name.find("::fiber_main(") != name.npos || name.starts_with("weft::detail::run_body(");
}

// Lines that say the same one after the other (recursion) are counted, not repeated.
class frame_lines {
 public:
  explicit frame_lines(std::string& out) noexcept : out_(out) {}

  void add(std::string text) {
    if (text == last_) {
      ++repeated_;
      ++number_;
      return;
    }
    end_repetition();
    const std::string label = "  #" + std::to_string(number_++);
    out_ += label + std::string(label.size() < 6 ? 6 - label.size() : 1, ' ') + text + '\n';
    last_ = std::move(text);
  }

  void leave_out(std::size_t frames) {
    end_repetition();
    out_ += "  ... " + std::to_string(frames) + " more ...\n";
    number_ += frames;
    last_.clear();
  }

  void end_repetition() {
    if (repeated_ > 0) {
      out_ += "      ... the same " + std::to_string(repeated_) + " more times ...\n";
      repeated_ = 0;
    }
  }

 private:
  std::string& out_;
  std::string last_;
  std::size_t number_ = 0;
  std::size_t repeated_ = 0;
};

}  // namespace

void append_frames(std::string& out, const backtrace& trace, symbols& names, std::size_t first) {
  frame_lines lines(out);
  for (std::size_t i = first; i < trace.size(); ++i) {
    if (i == backtrace::most_inner && trace.left_out() > 0) {
      lines.leave_out(trace.left_out());
    }
    for (const code_location& where : names.at(trace[i])) {
      if (!(is_plumbing(where) && !where.function.empty()) && !is_switch_or_foot(where)) {
        lines.add(where.text(trace[i]));
      }
    }
  }
  lines.end_repetition();
}

std::string call_site(std::uintptr_t address, symbols& names) {
  const auto& locations = names.at(address);
  for (const code_location& where : locations) {
    if (!is_plumbing(where) &&
        !ends_with_any_of(where.file, {"weft/go.hpp", "weft/wait_group.hpp", "weft/time.hpp"})) {
      return where.text(address);
    }
  }
  // What was inlined is not told apart (gcc at -O0, or with LTO): the function is the program's,
  // the line is not.
  const code_location& outermost = locations.back();
  return outermost.function.empty() ? outermost.text(address) : outermost.function;
}

}  // namespace weft::detail
