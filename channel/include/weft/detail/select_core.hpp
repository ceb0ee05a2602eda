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

// One case, on the frame of the caller of select. The waiter is only there while the select waits.
struct select_slot {
  chan_core* core = nullptr;
  void* value = nullptr;  // a sender's value, or where the received one goes
  // none: never ready by itself, as deadlines, `otherwise` and the cases of nil channels
  select_op op = select_op::none;
  bool marked = false;  // select.cpp's own
  union {
    select_waiter waiter;
  };

  select_slot() noexcept {}
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
WEFT_API select_result select_poll(select_slot* slots, std::size_t count);

// Does one ready case, chosen at random; else waits for one. `none`: at one moment no case was
// ready, and none became so until the deadline. `order` has room for `count` channels.
WEFT_API select_result select_wait(select_slot* slots, chan_core** order, std::size_t count,
                                   std::int64_t deadline);

}  // namespace weft::detail
