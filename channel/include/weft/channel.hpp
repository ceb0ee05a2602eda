// Channels: typed queues between fibers, and between fibers and plain threads.
//
//   weft::chan<int> c(16);                      // room for 16 values; chan<int>(): none
//   weft::go([c] {
//     for (int i = 0; i < 100; ++i) c.send(i);
//     c.close();
//   });
//   for (int v : c) use(v);                     // until closed and drained
//
// A handle (chan, sender, receiver) is one counted pointer: copies refer to the same channel, and
// the channel goes away with its last handle, destroying the values still in it. A handle that is
// nil (made from weft::nil, or moved from) has no channel: send and receive on it wait for ever.
// One handle object must not be assigned to while another fiber uses it; the channel itself may
// be used by any number of fibers and threads at once.
//
// Capacity 0 (unbuffered): a send waits until a receiver takes its value. Capacity n: a send
// waits only while n values are in the channel. Values are received in the order in which they
// were sent, and those who wait are served in the order in which they came. A value sent to
// somebody who already waits is moved straight into the std::optional that recv() returns.
//
// T: an object type that can be moved. It need be neither copyable nor default-constructible and
// may be over-aligned. Moving a T, and destroying one that was moved from, must not call into
// weft: both happen while the channel is locked. If moving throws, the exception reaches the
// caller of the operation whose value it was and the channel stays usable:
//   - send, try_send: nothing was sent; whoever waited to receive goes on waiting, first in line;
//   - recv: the value stays in the channel, first in line;
//   - a sender that waits gets the exception of its own value from its own send.
//
// Deadlines: an operation that can go on at once does, even if its deadline has passed.
// clock::time_point::max() means none.
//
// Ordering: a send happens-before the receive of its value returns. The k-th receive from a
// channel of capacity C happens-before the (k+C)-th send returns. close() happens-before a receive
// that returns because the channel is closed.
//
// Errors: send on a closed channel throws closed_channel, as does closing one twice; closing nil
// throws nil_channel. Every wait can end with weft::unwind (see <weft/runtime.hpp>); the value of
// a send that ended so was not sent.
//
// All operations: from fibers and from plain threads. None allocates except the constructor.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "weft/detail/chan_core.hpp"
#include "weft/detail/chan_handle.hpp"
#include "weft/detail/chan_interface.hpp"
#include "weft/detail/export.hpp"

namespace weft {

// A send on, or a close of, a channel that is closed: a mistake in the program, as in Go.
class WEFT_API closed_channel : public std::logic_error {
 public:
  using std::logic_error::logic_error;
  ~closed_channel() override;
};

// A close of the nil channel.
class WEFT_API nil_channel : public std::logic_error {
 public:
  using std::logic_error::logic_error;
  ~nil_channel() override;
};

template <class T>
class sender;
template <class T>
class receiver;

// Both ends of a channel. The operations: weft/detail/chan_interface.hpp.
//
//                    waits until                  result
//   send(v)          room or a receiver           -
//   try_send(v)      never                        false: it would have had to wait
//   send_until(v,t)  as send, t                   false: timed out
//   recv()           a value or the close         std::optional<T>; nullopt: closed and drained
//   try_recv(out)    never                        recv_status: ok, empty, closed
//   recv_until(..)   as recv, t                   recv_status: ok, timeout, closed
//   close()          never                        -
//   size() capacity() closed()                    a moment's truth
//   begin() end()    as recv                      input range
//
// send_for and recv_for take a duration. A value given to try_send, send_until or send_for is
// moved from only on success. chan<void> carries no values: send(), bool recv() (false: closed),
// try_send(), try_recv() and so on, without a value.
template <class T>
class chan : public detail::handle_interface<chan<T>>,
             public detail::send_interface<chan<T>, T>,
             public detail::recv_interface<chan<T>, T> {
  static_assert(std::is_void_v<T> ||
                    (std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>),
                "a channel carries objects, not references, and not const or volatile ones");
  static_assert(std::is_void_v<T> || std::is_move_constructible_v<T>, "a channel moves its values");

 public:
  using value_type = T;

  // Room for `capacity` values is allocated once, here. Throws std::length_error for a capacity
  // that no memory could hold (a negative number, for example), std::bad_alloc.
  explicit chan(std::size_t capacity = 0)
      : chan(detail::chan_handle(detail::make_chan(detail::element_of<T>(), capacity))) {}
  chan(nil_t) noexcept {}

  sender<T> tx() const noexcept { return *this; }
  receiver<T> rx() const noexcept { return *this; }

 private:
  friend struct detail::handle_access;
  explicit chan(detail::chan_handle handle) noexcept
      : detail::handle_interface<chan<T>>(std::move(handle)) {}
};

// The sending end alone, Go's chan<- T.
template <class T>
class sender : public detail::handle_interface<sender<T>>,
               public detail::send_interface<sender<T>, T> {
 public:
  using value_type = T;

  sender() noexcept = default;
  sender(nil_t) noexcept {}
  sender(const chan<T>& both) noexcept : sender(detail::handle_access::share(both)) {}

 private:
  friend struct detail::handle_access;
  explicit sender(detail::chan_handle handle) noexcept
      : detail::handle_interface<sender<T>>(std::move(handle)) {}
};

// The receiving end alone, Go's <-chan T.
template <class T>
class receiver : public detail::handle_interface<receiver<T>>,
                 public detail::recv_interface<receiver<T>, T> {
 public:
  using value_type = T;

  receiver() noexcept = default;
  receiver(nil_t) noexcept {}
  receiver(const chan<T>& both) noexcept : receiver(detail::handle_access::share(both)) {}

 private:
  friend struct detail::handle_access;
  explicit receiver(detail::chan_handle handle) noexcept
      : detail::handle_interface<receiver<T>>(std::move(handle)) {}
};

}  // namespace weft

template <class T>
struct std::hash<weft::chan<T>> {
  std::size_t operator()(const weft::chan<T>& c) const noexcept {
    return std::hash<void*>()(weft::detail::handle_access::core(c));
  }
};
template <class T>
struct std::hash<weft::sender<T>> {
  std::size_t operator()(const weft::sender<T>& c) const noexcept {
    return std::hash<void*>()(weft::detail::handle_access::core(c));
  }
};
template <class T>
struct std::hash<weft::receiver<T>> {
  std::size_t operator()(const weft::receiver<T>& c) const noexcept {
    return std::hash<void*>()(weft::detail::handle_access::core(c));
  }
};
