// dump() and report_leaks(): a census, told to a stream.
#include <optional>
#include <ostream>
#include <string>

#include "runtime/report/aside.hpp"
#include "runtime/report/census.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"
#include "weft/debug.hpp"

namespace weft {

namespace {

using namespace detail;

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

void dump(std::ostream& out) {
  const std::optional<census> taken = take_census({});
  if (!taken) {
    out << "weft: no runtime is running, or it could not be held\n";
    return;
  }
  std::string text = "weft: " + taken->summary() + '\n';
  run_aside([&] { taken->append_groups(text); });
  out << text << std::flush;
}

std::size_t report_leaks(std::ostream& out, duration min_age) {
  const std::optional<census> taken =
      take_census({.least_age = min_age.count(), .only_waiting = true, .threads = false});
  if (!taken || taken->size() == 0) {
    return 0;
  }
  std::string text = "weft: " + std::to_string(taken->size()) +
                     (taken->size() == 1 ? " fiber has" : " fibers have") +
                     " waited for long and may be leaked\n";
  run_aside([&] { taken->append_groups(text); });
  out << text << std::flush;
  return taken->size();
}

}  // namespace weft
