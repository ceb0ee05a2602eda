// What all fibers are doing: gathered while the world is held, told afterwards.
//
// Fibers that do the same (same state, reason, stack and start site) form a group. Stacks are
// compared by their addresses; names and lines are looked up once per group, when it is told.
//
// Tested by: tests/unit/dump_test.cpp
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/machine/backtrace.hpp"
#include "runtime/machine/symbols.hpp"
#include "runtime/state/g.hpp"

namespace weft::detail {

struct census_options {
  std::int64_t least_age = 0;  // ns: only what has waited for as long
  bool only_waiting = false;   // neither running nor runnable ones
  bool threads = true;         // plain threads that wait, too
  const G* caller = nullptr;   // the fiber that asks, whose stack is given: it is not parked
  const backtrace* callers_stack = nullptr;
};

class census {
 public:
  // With the world held, or at rest. Takes the locks of the lists of fibers and of threads only.
  explicit census(const census_options& options);

  std::size_t size() const noexcept { return fibers_; }

  // "7 fibers: 2 running, 5 waiting; 1 plain thread waits".
  std::string summary() const;

  // Each group: who is in it, the stack, where they were started.
  void append_groups(std::string& out) const;

 private:
  struct member {
    std::uint64_t id = 0;
    std::int64_t age = 0;
    std::string name;
    std::string objects;
  };
  struct kind {
    bool is_thread = false;
    g_status status = g_status::idle;
    wait_reason reason = wait_reason::none;
    std::uint32_t started_at = 0;
    friend bool operator==(const kind&, const kind&) = default;
  };
  struct group {
    kind what;
    backtrace stack;
    std::vector<member> members;
  };

  void look_at(G* g);
  bool is_wanted(const G& g, g_status status, std::int64_t age) const noexcept;
  void walk(const G& g, g_status status, backtrace* out) const noexcept;
  group& group_of(const kind& what, const backtrace& stack);
  void append_group(std::string& out, const group& of, symbols& names) const;

  census_options options_;
  std::int64_t now_;
  std::vector<group> groups_;
  std::multimap<std::size_t, std::size_t> by_hash_;  // of stack and kind: indices of groups
  std::size_t fibers_ = 0;
  std::size_t threads_ = 0;
  std::size_t states_[5] = {};
};

}  // namespace weft::detail
