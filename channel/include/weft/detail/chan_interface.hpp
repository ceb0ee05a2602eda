// The interface of the handles, in the parts they share: chan<T> has all three, sender<T> and
// receiver<T> two each. What the operations mean in general is said in <weft/channel.hpp>.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "weft/clock.hpp"
#include "weft/detail/chan_core.hpp"
#include "weft/detail/chan_handle.hpp"
#include "weft/detail/element.hpp"

namespace weft {

// The tag of the nil channel: chan<int> c = weft::nil. (nullptr would not do: chan<int>(0) must
// mean an unbuffered channel.)
struct nil_t {
  explicit nil_t() = default;
};
inline constexpr nil_t nil{};

namespace detail {

// What every handle can do. Size and capacity are a moment's truth: others may send and receive
// meanwhile. A nil handle has size and capacity 0 and is never closed.
template <class Self>
class handle_interface {
 public:
  std::size_t size() const noexcept {
    return core() == nullptr ? 0 : core()->count.load(std::memory_order_acquire);
  }
  std::size_t capacity() const noexcept { return core() == nullptr ? 0 : core()->capacity; }
  // True as soon as close() was called, even if there are values left to receive.
  bool closed() const noexcept {
    return core() != nullptr &&
           (core()->flags.load(std::memory_order_acquire) & chan_core::closed_bit) != 0;
  }
  // False for a nil handle.
  explicit operator bool() const noexcept { return core() != nullptr; }

  void swap(Self& other) noexcept { handle_.swap(other.handle_); }
  friend void swap(Self& a, Self& b) noexcept { a.swap(b); }

  // Handles are equal that refer to the same channel, or are nil both. The order is arbitrary but
  // total, so handles can be keys of maps and sets.
  friend bool operator==(const Self& a, const Self& b) noexcept {
    return handle_access::core(a) == handle_access::core(b);
  }
  friend std::strong_ordering operator<=>(const Self& a, const Self& b) noexcept {
    return std::compare_three_way()(handle_access::core(a), handle_access::core(b));
  }
  friend bool operator==(const Self& a, nil_t) noexcept { return !a; }

 protected:
  constexpr handle_interface() noexcept = default;
  explicit handle_interface(chan_handle handle) noexcept : handle_(std::move(handle)) {}

 private:
  friend struct handle_access;
  chan_core* core() const noexcept { return handle_.core(); }
  chan_handle handle_;
};

template <class Self>
class close_interface {
 public:
  // Nothing can be sent any more; what was sent can still be received. Everybody who waits to
  // send gets closed_channel, everybody who waits to receive learns that nothing will come.
  // Throws closed_channel if it was closed already, nil_channel for nil.
  void close() const { close_chan(handle_access::core(static_cast<const Self&>(*this))); }
};

// The sending end.
template <class Self, class T>
class send_interface : public close_interface<Self> {
 public:
  // Waits until there is room or a receiver.
  void send(T value) const {
    outgoing<T> cargo(value);
    ops::send(core(), cargo.data());
  }

  // True: sent, `value` is moved from. False: it would have to wait, `value` is untouched.
  bool try_send(T& value) const {
    if (core() == nullptr || !core()->may_send()) {
      return false;
    }
    outgoing<T> cargo(value);
    return ops::try_send(core(), cargo.data());
  }
  bool try_send(T&& value) const { return try_send(value); }
  bool try_send(const T& value) const requires std::copy_constructible<T> {
    return try_send(T(value));
  }

  // As send, but gives up at the deadline: false then, `value` is untouched.
  bool send_until(T& value, clock::time_point deadline) const {
    outgoing<T> cargo(value);
    return ops::send_until(core(), cargo.data(), deadline.time_since_epoch().count());
  }
  bool send_until(T&& value, clock::time_point deadline) const {
    return send_until(value, deadline);
  }
  bool send_until(const T& value,
                  clock::time_point deadline) const requires std::copy_constructible<T> {
    return send_until(T(value), deadline);
  }
  bool send_for(T& value, duration timeout) const {
    return try_send(value) || send_until(value, deadline_after(timeout));
  }
  bool send_for(T&& value, duration timeout) const { return send_for(value, timeout); }
  bool send_for(const T& value, duration timeout) const requires std::copy_constructible<T> {
    return send_for(T(value), timeout);
  }

 private:
  using ops = chan_ops<slot_of<T>>;
  chan_core* core() const noexcept { return handle_access::core(static_cast<const Self&>(*this)); }
};

template <class Self>
class send_interface<Self, void> : public close_interface<Self> {
 public:
  void send() const { ops::send(core(), nullptr); }
  bool try_send() const {
    return core() != nullptr && core()->may_send() && ops::try_send(core(), nullptr);
  }
  bool send_until(clock::time_point deadline) const {
    return ops::send_until(core(), nullptr, deadline.time_since_epoch().count());
  }
  bool send_for(duration timeout) const {
    return try_send() || send_until(deadline_after(timeout));
  }

 private:
  using ops = chan_ops<bytes<0>>;
  chan_core* core() const noexcept { return handle_access::core(static_cast<const Self&>(*this)); }
};

// The input iterator of `for (auto& v : c)`: each step receives one value and keeps it.
template <class T>
class chan_iterator {
 public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  chan_iterator() noexcept = default;
  explicit chan_iterator(chan_core* core) : core_(core) { ++*this; }

  T& operator*() const noexcept { return *value_; }
  T* operator->() const noexcept { return std::addressof(*value_); }
  chan_iterator& operator++() {
    value_.reset();
    if constexpr (is_bytes<slot_of<T>>) {
      incoming<T> next;
      if (chan_ops<slot_of<T>>::recv(core_, next.data())) {
        value_.emplace(*next);
      }
    } else {
      chan_ops<slot_of<T>>::recv(core_, &value_);
    }
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const chan_iterator& it, std::default_sentinel_t) noexcept {
    return !it.value_.has_value();
  }

 private:
  chan_core* core_ = nullptr;
  mutable std::optional<T> value_;
};

// The receiving end.
template <class Self, class T>
class recv_interface {
 public:
  // Waits for a value; nullopt: the channel is closed and drained.
  std::optional<T> recv() const {
    std::optional<T> value;
    ops::recv(core(), &value);
    return value;
  }
  std::optional<T> recv() const requires(is_bytes<slot_of<T>>) {
    incoming<T> value;
    return value.get(ops::recv(core(), value.data()));
  }

  // ok, empty or closed; `out` is assigned only if ok.
  recv_status try_recv(T& out) const {
    if (core() == nullptr || !core()->may_recv()) {
      return recv_status::empty;
    }
    if (core()->drained()) {
      return recv_status::closed;
    }
    incoming<T> value;
    return store(out, value, ops::try_recv(core(), value.data()));
  }

  // ok, timeout or closed.
  recv_status recv_until(T& out, clock::time_point deadline) const {
    incoming<T> value;
    return store(out, value,
                 ops::recv_until(core(), value.data(), deadline.time_since_epoch().count()));
  }
  recv_status recv_for(T& out, duration timeout) const {
    const recv_status at_once = try_recv(out);
    return at_once == recv_status::empty ? recv_until(out, deadline_after(timeout)) : at_once;
  }

  // An input range of what is received from now on, until the channel is closed and drained.
  // begin() waits for the first value. The handle must outlive the iterator.
  chan_iterator<T> begin() const { return chan_iterator<T>(core()); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  using ops = chan_ops<slot_of<T>>;
  chan_core* core() const noexcept { return handle_access::core(static_cast<const Self&>(*this)); }

  static recv_status store(T& out, incoming<T>& value, recv_status status) {
    if (status == recv_status::ok) {
      out = std::move(*value);
    }
    return status;
  }
};

template <class Self>
class recv_interface<Self, void> {
 public:
  // False: the channel is closed and drained.
  bool recv() const { return ops::recv(core(), nullptr); }
  recv_status try_recv() const {
    if (core() == nullptr || !core()->may_recv()) {
      return recv_status::empty;
    }
    return core()->drained() ? recv_status::closed : ops::try_recv(core(), nullptr);
  }
  recv_status recv_until(clock::time_point deadline) const {
    return ops::recv_until(core(), nullptr, deadline.time_since_epoch().count());
  }
  recv_status recv_for(duration timeout) const {
    const recv_status at_once = try_recv();
    return at_once == recv_status::empty ? recv_until(deadline_after(timeout)) : at_once;
  }

 private:
  using ops = chan_ops<bytes<0>>;
  chan_core* core() const noexcept { return handle_access::core(static_cast<const Self&>(*this)); }
};

}  // namespace detail
}  // namespace weft
