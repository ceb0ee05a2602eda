#include "channel/errors.hpp"

#include "weft/channel.hpp"

namespace weft {

closed_channel::~closed_channel() = default;
nil_channel::~nil_channel() = default;

namespace detail {

void throw_closed_send() { throw closed_channel("weft: send on closed channel"); }
void throw_closed_close() { throw closed_channel("weft: close of closed channel"); }
void throw_nil_close() { throw nil_channel("weft: close of nil channel"); }

}  // namespace detail
}  // namespace weft
