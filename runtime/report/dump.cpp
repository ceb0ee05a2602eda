// dump() and report_leaks(): a census, told to a stream.
#include "runtime/report/dump.hpp"

#include <optional>
#include <ostream>

#include "runtime/report/aside.hpp"
#include "runtime/report/census.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"
#include "weft/debug.hpp"

namespace weft {

namespace detail {

namespace {

// Empty: the runtime does not run.
std::optional<census> take_census(census_options options) {
  backtrace own;
  walk_own_stack(own);
  std::optional<census> taken;
  const world_hold world;
  if (const M* const m = current_m(); m != nullptr) {
    options.caller = m->running;
    options.callers_stack = &own;
  }
  if (world.held()) {
    run_aside([&] { taken.emplace(options); });
  }
  return taken;
}

}  // namespace

std::string dump_text() {
  const std::optional<census> taken = take_census({});
  if (!taken) {
    return "weft: no runtime is running, or it could not be held\n";
  }
  std::string text = "weft: " + taken->summary() + '\n';
  run_aside([&] { taken->append_groups(text); });
  return text;
}

std::size_t append_leaks(std::string& out, std::int64_t least_age_ns) {
  const std::optional<census> taken =
      take_census({.least_age = least_age_ns, .only_waiting = true, .threads = false});
  if (!taken || taken->size() == 0) {
    return 0;
  }
  out += "weft: " + std::to_string(taken->size()) +
         (taken->size() == 1 ? " fiber has" : " fibers have") +
         " waited for long and may be leaked\n";
  run_aside([&] { taken->append_groups(out); });
  return taken->size();
}

}  // namespace detail

void dump(std::ostream& out) { out << detail::dump_text() << std::flush; }

std::size_t report_leaks(std::ostream& out, duration min_age) {
  std::string text;
  const std::size_t found = detail::append_leaks(text, min_age.count());
  out << text << std::flush;
  return found;
}

}  // namespace weft
