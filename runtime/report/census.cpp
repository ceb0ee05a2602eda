#include "runtime/report/census.hpp"

#include <algorithm>
#include <cstdio>

#include "runtime/fiber/saved_frame.hpp"
#include "runtime/report/frames.hpp"
#include "runtime/report/start_site.hpp"
#include "runtime/report/wait_objects.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

std::string address_text(const void* address) {
  char text[24];
  std::snprintf(text, sizeof text, "%p", address);
  return text;
}

// With the world held.
std::string objects_text(const G& g) {
  constexpr std::size_t most = 8;
  const void* objects[most];
  const std::size_t count = wait_objects(g, objects, most);
  std::string text;
  for (std::size_t i = 0; i < std::min(count, most); ++i) {
    text += (i == 0 ? " on " : ", ") + address_text(objects[i]);
  }
  if (count > most) {
    text += " and " + std::to_string(count - most) + " more";
  }
  if (g.reason == wait_reason::join) {
    if (g.point != nullptr) {
      text += " for fiber " + std::to_string(joined_fiber(g.point)->id);
    } else if (!g.started()) {
      text += " for a fiber that it runs on its own stack";
    }
  }
  return text;
}

std::string age_text(std::int64_t ns) {
  const auto ms = ns / 1'000'000;
  char text[48];
  if (ms < 1) {
    return "less than 1 ms";
  }
  if (ms < 1000) {
    std::snprintf(text, sizeof text, "%lld ms", static_cast<long long>(ms));
  } else if (ms < 60'000) {
    std::snprintf(text, sizeof text, "%lld.%lld s", static_cast<long long>(ms / 1000),
                  static_cast<long long>(ms / 100 % 10));
  } else if (ms < 3'600'000) {
    std::snprintf(text, sizeof text, "%lld min %lld s", static_cast<long long>(ms / 60'000),
                  static_cast<long long>(ms / 1000 % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld h %lld min", static_cast<long long>(ms / 3'600'000),
                  static_cast<long long>(ms / 60'000 % 60));
  }
  return text;
}

const char* state_text(g_status status, wait_reason reason) noexcept {
  switch (status) {
    case g_status::idle:
      return "idle";
    case g_status::runnable:
      return "runnable";
    case g_status::running:
      return "running";
    case g_status::waiting:
      return to_string(reason);
    case g_status::ended:
      return "ended, not joined";
  }
  return "?";
}

std::string count_text(std::size_t n, const char* one, const char* several) {
  return std::to_string(n) + ' ' + (n == 1 ? one : several);
}

}  // namespace

census::census(const census_options& options) : options_(options), now_(monotonic_ns()) {
  const auto visit = [](G* g, void* self) { static_cast<census*>(self)->look_at(g); };
  sched.pool.for_each(visit, this);
  if (options_.threads) {
    for_each_stand_in(visit, this);
  }
  std::stable_sort(groups_.begin(), groups_.end(), [](const group& a, const group& b) {
    return a.members.size() > b.members.size();
  });
  by_hash_.clear();
}

bool census::is_wanted(const G& g, g_status status, std::int64_t age) const noexcept {
  if (status == g_status::idle) {
    return false;
  }
  const bool waits = status == g_status::waiting;
  return (waits || (!options_.only_waiting && !g.is_thread)) &&
         (!waits || age >= options_.least_age);
}

void census::look_at(G* g) {
  // Of a plain thread, the world's rest says nothing: scan_guard keeps its wait as it is.
  g->scan_guard.acquire();
  const g_status status = g->status.load(std::memory_order_acquire);
  const std::int64_t age = std::max<std::int64_t>(0, now_ - g->waiting_since);
  if (is_wanted(*g, status, age)) {
    const bool waits = status == g_status::waiting;
    const kind what{.is_thread = g->is_thread,
                    .status = status,
                    .reason = waits ? g->reason : wait_reason::none,
                    .started_at = g->started_at};
    backtrace stack;
    walk(*g, status, &stack);
    member m{.id = g->id, .age = waits ? age : -1, .name = {}, .objects = {}};
    if (g->name != nullptr) {
      m.name = *g->name;
    }
    if (waits && !g->is_thread) {
      m.objects = objects_text(*g);
    }
    group_of(what, stack).members.push_back(std::move(m));
    ++(g->is_thread ? threads_ : fibers_);
    states_[static_cast<std::size_t>(status)] += g->is_thread ? 0 : 1;
  }
  g->scan_guard.release();
}

// Only what is off its stack can be walked, and the caller, who has done it himself.
void census::walk(const G& g, g_status status, backtrace* out) const noexcept {
  if (&g == options_.caller) {
    *out = *options_.callers_stack;
    return;
  }
  const bool parked = status == g_status::waiting || status == g_status::runnable;
  if (g.is_thread || !parked || !g.started()) {
    return;
  }
  const stack_bounds bounds{reinterpret_cast<std::uintptr_t>(g.bound->limit),
                            reinterpret_cast<std::uintptr_t>(g.bound->top)};
  saved_registers registers;
  if (read_saved_frame(g.parked_at(), bounds, &registers)) {
    walk_stack(registers, bounds, *out);
  }
}

census::group& census::group_of(const kind& what, const backtrace& stack) {
  std::size_t hash = what.started_at * std::size_t{31} + static_cast<std::size_t>(what.reason) +
                     static_cast<std::size_t>(what.status) * 64 + stack.depth() * 1024;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    hash = hash * 0x9e3779b97f4a7c15U + stack[i];
  }
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto place = first; place != last; ++place) {
    group& known = groups_[place->second];
    if (known.what == what && known.stack == stack) {
      return known;
    }
  }
  by_hash_.emplace(hash, groups_.size());
  groups_.push_back({what, stack, {}});
  return groups_.back();
}

std::string census::summary() const {
  static constexpr const char* names[] = {"idle", "runnable", "running", "waiting",
                                          "ended but not joined"};
  std::string text = count_text(fibers_, "fiber", "fibers");
  const char* separator = ": ";
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (states_[i] > 0) {
      text += separator + std::to_string(states_[i]) + ' ' + names[i];
      separator = ", ";
    }
  }
  if (threads_ > 0) {
    text += "; " + count_text(threads_, "plain thread waits", "plain threads wait");
  }
  return text;
}

void census::append_groups(std::string& out) const {
  symbols names;
  for (const group& g : groups_) {
    append_group(out, g, names);
  }
}

// One fiber:  fiber 7 "name" [channel receive on 0x..., 3.2 s], started at f() at file.cpp:12
// Several:    12 fibers [channel receive], started at ..., and a line for each after the stack.
void census::append_group(std::string& out, const group& of, symbols& names) const {
  const auto describe = [&of](const member& m) {
    std::string text = of.what.is_thread ? "plain thread" : "fiber " + std::to_string(m.id);
    return m.name.empty() ? text : text + " \"" + m.name + '"';
  };
  const auto age = [](const member& m) { return m.age < 0 ? "" : ", " + age_text(m.age); };
  const member& first = of.members.front();
  const bool alone = of.members.size() == 1;
  out += '\n';
  out += alone ? describe(first)
               : count_text(of.members.size(), "", of.what.is_thread ? "plain threads" : "fibers");
  out += " [" + std::string(state_text(of.what.status, of.what.reason));
  out += alone ? first.objects + age(first) + ']' : "]";
  if (const std::uintptr_t site = find_start_site(of.what.started_at); site != 0) {
    out += ", started at " + call_site(site, names);
  }
  out += ":\n";
  append_frames(out, of.stack, names);
  if (!alone) {
    for (const member& m : of.members) {
      out += "  " + describe(m) + m.objects + age(m) + '\n';
    }
  }
}

}  // namespace weft::detail
