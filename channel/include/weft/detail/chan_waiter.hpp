// What stands in a channel's queues: the waiter of one send or receive, or of one case of a
// select.
//
// `tag` says which of the two while it stands in line; whoever took it off and dealt with it
// writes there how, before it readies the waiter's fiber. `value` is the waiting side of the
// transfer, see "weft/detail/element.hpp".
#pragma once

#include <cstdint>
#include <exception>

#include "weft/detail/wait_queue.hpp"

namespace weft::detail {

struct select_state;

enum chan_tag : std::uint32_t {
  alone = 0,      // in line: a send or receive of its own
  in_select = 1,  // in line: a case of a select; a select_waiter
  dealt = 2,      // the value has been transferred
  closed = 3,     // the channel was closed
  failed = 4,     // a sender's value threw when it was moved: see `error` here or in select_state
  retry = 5,      // in_select only: the deal came to nothing, the select must begin again
};

// The waiter of a send or receive on a channel whose elements can throw.
struct chan_waiter : waiter {
  std::exception_ptr error;
};

// The waiter of one case.
struct select_waiter : waiter {
  select_state* owner = nullptr;
};

}  // namespace weft::detail
