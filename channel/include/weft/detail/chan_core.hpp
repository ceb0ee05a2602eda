// The untyped half of a channel: state and operations. chan<T> is a typed face over it.
//
// The shape is that of Go's runtime/chan.go: one lock, a ring allocated once, two FIFO queues of
// waiters that stand on the frames of those who wait; whoever finds a waiter makes the deal for
// it and readies it once the lock is released. A woken party never has to try again.
//
// Invariants, under `guard`:
//   I1  somebody in `receivers` that can still be dealt with => count == 0 and not closed.
//   I2  somebody in `senders` that can still be dealt with   => count == capacity and not closed.
//   I3  flag receivers_wait clear => `receivers` empty;  senders_wait clear => `senders` empty.
//       (Set: maybe. A wait that timed out leaves its flag behind; who finds the queue empty
//       clears it.)
//   I4  count slots from `head` on, wrapping at `end`, hold values; `tail` is the slot after them.
//   I5  closed is never unset, and no value goes in after it.
// "Can still be dealt with" excludes the waiters of a select that another channel has won: they
// stay in line until somebody pops them or their owner takes them out.
//
// Atomics    written                     read
//   flags    under guard: release        under guard: relaxed; without it by may_send, may_recv,
//                                        drained, closed(): acquire, so that who sees the channel
//                                        closed also sees what happened before the close
//   count    under guard: release        as flags
//   refs     add relaxed, sub acq_rel    the last one's release orders all use before destroy
// The lock-free reads only ever answer "this cannot succeed now". Each is true at one moment:
//   may_recv false  count was 0; afterwards no sender waited and it was not closed, so neither
//                   was it closed at the moment when count was 0. (A buffered channel has
//                   waiting senders only when full.)
//   may_send false  it was not closed; afterwards it was full. If it was closed in between, it
//                   was full at that point, since a closed channel does not fill up.
//   drained true    it was closed, afterwards empty: it is so for ever.
// Tested by: tests/unit/channel_test.cpp, tests/unit/channel_types_test.cpp,
//            tests/stress/channel_stress.cpp
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "weft/detail/element.hpp"
#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"

namespace weft {

// How a receive that need not wait for ever ended.
enum class recv_status : std::uint8_t {
  ok,       // a value was received
  empty,    // try_recv: there was none
  timeout,  // recv_until, recv_for: none came in time
  closed,   // the channel is closed and drained
};

namespace detail {

struct deal_functions;

struct chan_core {
  enum flag : std::uint32_t {
    closed_bit = 1,
    receivers_wait = 2,
    senders_wait = 4,
    timer_bit = 8,  // a timer_core: see channel/timer_core.hpp. Never changes.
  };

  lock guard;
  std::atomic<std::uint32_t> flags{0};
  std::atomic<std::uint32_t> refs{1};
  std::atomic<std::size_t> count{0};
  std::size_t capacity = 0;
  std::byte* head = nullptr;
  std::byte* tail = nullptr;
  std::byte* first = nullptr;
  std::byte* end = nullptr;
  wait_queue receivers;
  wait_queue senders;
  const element* type = nullptr;
  const deal_functions* deals = nullptr;

  bool may_recv() const noexcept {
    return count.load(std::memory_order_acquire) != 0 ||
           (flags.load(std::memory_order_acquire) & (closed_bit | senders_wait)) != 0;
  }
  bool may_send() const noexcept {
    return (flags.load(std::memory_order_acquire) & (closed_bit | receivers_wait)) != 0 ||
           count.load(std::memory_order_acquire) < capacity;
  }
  bool drained() const noexcept {
    return (flags.load(std::memory_order_acquire) & closed_bit) != 0 &&
           count.load(std::memory_order_acquire) == 0;
  }
};

// Throws std::length_error when capacity * type->size cannot be, std::bad_alloc.
WEFT_API chan_core* make_chan(const element* type, std::size_t capacity);
// The last handle is gone: destroys what is still in the buffer.
WEFT_API void destroy_chan(chan_core* core) noexcept;
// Throws closed_channel, nil_channel.
WEFT_API void close_chan(chan_core* core);

// The operations, for each way a T travels. A null core is the nil channel. `value` and `to` are
// the two sides of a transfer as "weft/detail/element.hpp" says. Deadlines are points of
// weft::clock in nanoseconds.
template <class Slot>
struct chan_ops {
  static void send(chan_core* core, void* value);
  static bool try_send(chan_core* core, void* value);
  static bool send_until(chan_core* core, void* value, std::int64_t deadline);
  static bool recv(chan_core* core, void* to);
  static recv_status try_recv(chan_core* core, void* to);
  static recv_status recv_until(chan_core* core, void* to, std::int64_t deadline);
};

extern template struct WEFT_API chan_ops<bytes<0>>;
extern template struct WEFT_API chan_ops<bytes<1>>;
extern template struct WEFT_API chan_ops<bytes<2>>;
extern template struct WEFT_API chan_ops<bytes<4>>;
extern template struct WEFT_API chan_ops<bytes<8>>;
extern template struct WEFT_API chan_ops<bytes<16>>;
extern template struct WEFT_API chan_ops<moved>;
extern template struct WEFT_API chan_ops<throwing>;

}  // namespace detail
}  // namespace weft
