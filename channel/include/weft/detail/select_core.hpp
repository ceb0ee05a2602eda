// The untyped half of select: what the templates of <weft/select.hpp> hand to channel/select.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "weft/detail/chan_core.hpp"
#include "weft/detail/chan_waiter.hpp"
#include "weft/detail/export.hpp"

namespace weft::detail {

enum class select_op : std::uint8_t { none, recv, send };

// One case. Cases of a nil channel, deadlines and `otherwise` are `none`: never ready by
// themselves.
struct select_entry {
  chan_core* core = nullptr;
  void* value = nullptr;  // a sender's value, or where the received one goes
  select_op op = select_op::none;
  bool marked = false;  // select.cpp's own
};

// Memory for the waiter of one case, on the caller's frame: raw until the select has to wait.
struct select_slot {
  alignas(select_waiter) std::byte memory[sizeof(select_waiter)];
};

struct select_result {
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  std::size_t index = none;  // of the case that was done
  bool arrived = false;      // a receive: there was a value
};

// Deadlines of a select that must not wait at all, or never gives up, besides points of
// weft::clock in nanoseconds.
inline constexpr std::int64_t select_at_once = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t select_no_deadline = std::numeric_limits<std::int64_t>::max();

// Does one of the cases that are ready, if it sees any. `none`: it saw none. With one channel
// that is a decision; with several it is not yet, they may have been ready in turns.
WEFT_API select_result select_poll(select_entry* entries, std::size_t count);

// Does one ready case, chosen at random; else waits for one. `none`: at one moment no case was
// ready, and none became so until the deadline. `slots` and `order` have room for `count`.
WEFT_API select_result select_wait(select_entry* entries, select_slot* slots, select_waiter** order,
                                   std::size_t count, std::int64_t deadline);

}  // namespace weft::detail
