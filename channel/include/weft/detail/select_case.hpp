// The cases of a select, typed: what recv(), send(), after(), until() and otherwise() return.
//
// A case lives in the call of select() and refers to the handles, values and handlers given to
// it. It describes itself to the core (arm), waits on its own when it is the only one
// (wait_alone), says when it gives up (due) and runs its handler (run).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "weft/channel.hpp"
#include "weft/clock.hpp"
#include "weft/detail/select_core.hpp"

namespace weft::detail {

// The handler of a case without one.
struct nothing {
  void operator()() const noexcept {}
};
inline constexpr nothing no_handler{};

// What a receive's handler may take: the value (chan<void>: whether there was one), or nothing.
template <class T>
struct received {
  using type = std::optional<T>;
};
template <>
struct received<void> {
  using type = bool;
};
template <class F, class T>
concept recv_handler = std::is_invocable_v<F, typename received<T>::type> || std::is_invocable_v<F>;

// A variable of type T, to be moved from, or something that a T can be made from.
template <class T, class V>
concept sendable = std::is_same_v<std::remove_reference_t<V>, T> || std::is_constructible_v<T, V>;

enum class alone_result : std::uint8_t { done, closed, timeout };

enum class case_kind : std::uint8_t { channel, deadline, otherwise };

// What all cases have: the handler, by the reference it was given as. F is a reference type.
template <class F>
class handled_case {
 public:
  F handler() const noexcept { return static_cast<F>(handler_); }

 protected:
  explicit handled_case(F handler) noexcept : handler_(static_cast<F>(handler)) {}

 private:
  F handler_;
};

class channel_case {
 public:
  static constexpr case_kind kind = case_kind::channel;
  chan_core* core() const noexcept { return core_; }

 protected:
  explicit channel_case(chan_core* core) noexcept : core_(core) {}
  void fill(select_slot& s, select_op op, void* value) const noexcept {
    s.core = core_;
    s.value = value;
    s.op = core_ != nullptr ? op : select_op::none;
  }

 private:
  chan_core* core_;
};

template <class T, class F>
class recv_case : public channel_case, public handled_case<F> {
 public:
  recv_case(chan_core* core, F handler) noexcept
      : channel_case(core), handled_case<F>(static_cast<F>(handler)) {}

  void arm(select_slot& s) noexcept {
    place_.clear();
    fill(s, select_op::recv, place_.data());
  }
  bool looks_ready() const noexcept { return core() != nullptr && core()->may_recv(); }
  // True: closed and empty, for ever; run() as if that had been received.
  bool looks_ended() noexcept {
    place_.clear();
    return core() != nullptr && core()->drained();
  }
  alone_result wait_alone(std::int64_t deadline) {
    switch (chan_ops<slot_of<T>>::recv_until(core(), place_.data(), deadline)) {
      case recv_status::ok:
        return alone_result::done;
      case recv_status::closed:
        return alone_result::closed;
      default:
        return alone_result::timeout;
    }
  }
  void run([[maybe_unused]] bool arrived) {
    if constexpr (!std::is_invocable_v<F, typename received<T>::type>) {
      this->handler()();
    } else if constexpr (std::is_void_v<T>) {
      this->handler()(arrived);
    } else {
      this->handler()(place_.get(arrived));
    }
  }

 private:
  incoming<T> place_;
};

// V: T& for a variable of the caller's, T&& for a value that was given up to the case.
template <class T, class V, class F>
class send_case : public channel_case, public handled_case<F> {
 public:
  send_case(chan_core* core, T& value, F handler) noexcept
      : channel_case(core), handled_case<F>(static_cast<F>(handler)), value_(value) {}

  void arm(select_slot& s) noexcept {
    cargo_.set(value_);
    fill(s, select_op::send, cargo_.data());
  }
  bool looks_ready() const noexcept { return core() != nullptr && core()->may_send(); }
  bool looks_ended() const noexcept { return false; }
  alone_result wait_alone(std::int64_t deadline) {
    cargo_.set(value_);
    return chan_ops<slot_of<T>>::send_until(core(), cargo_.data(), deadline)
               ? alone_result::done
               : alone_result::timeout;
  }
  void run(bool) { this->handler()(); }
  T& value() const noexcept { return value_; }

 private:
  T& value_;
  outgoing<T> cargo_;
};

template <class F>
class send_case<void, void, F> : public channel_case, public handled_case<F> {
 public:
  send_case(chan_core* core, F handler) noexcept
      : channel_case(core), handled_case<F>(static_cast<F>(handler)) {}

  void arm(select_slot& s) noexcept { fill(s, select_op::send, nullptr); }
  bool looks_ready() const noexcept { return core() != nullptr && core()->may_send(); }
  bool looks_ended() const noexcept { return false; }
  alone_result wait_alone(std::int64_t deadline) {
    return chan_ops<bytes<0>>::send_until(core(), nullptr, deadline) ? alone_result::done
                                                                     : alone_result::timeout;
  }
  void run(bool) { this->handler()(); }
};

// A send of something that a T is made from: the T is a part of the case.
template <class T>
class made_value {
 protected:
  template <class V>
  explicit made_value(V&& from) : made_(std::forward<V>(from)) {}
  T made_;
};

template <class T, class F>
class send_made_case : private made_value<T>, public send_case<T, T&&, F> {
 public:
  template <class V>
  send_made_case(chan_core* core, V&& from, F handler)
      : made_value<T>(std::forward<V>(from)),
        send_case<T, T&&, F>(core, this->made_, static_cast<F>(handler)) {}
  send_made_case(const send_made_case&) = delete;
  send_made_case& operator=(const send_made_case&) = delete;
};

template <class T, class V, class F>
auto make_send_case(chan_core* core, V&& value, F&& handler) {
  if constexpr (std::is_same_v<std::remove_reference_t<V>, T>) {
    return send_case<T, V&&, F&&>(core, value, std::forward<F>(handler));
  } else {
    return send_made_case<T, F&&>(core, std::forward<V>(value), std::forward<F>(handler));
  }
}

// When: a duration, from the moment at which the select begins to wait, or a time point.
template <class When, class F>
class deadline_case : public handled_case<F> {
 public:
  static constexpr case_kind kind = case_kind::deadline;

  deadline_case(When when, F handler) noexcept
      : handled_case<F>(static_cast<F>(handler)), when_(when) {}

  void arm(select_slot&) const noexcept {}
  std::int64_t due() const noexcept {
    if constexpr (std::is_same_v<When, duration>) {
      return when_ <= duration::zero() ? select_at_once
                                       : deadline_after(when_).time_since_epoch().count();
    } else {
      return when_.time_since_epoch().count();
    }
  }
  void run(bool) { this->handler()(); }
  When when() const noexcept { return when_; }

 private:
  When when_;
};

template <class F>
class otherwise_case : public handled_case<F> {
 public:
  static constexpr case_kind kind = case_kind::otherwise;

  explicit otherwise_case(F handler) noexcept : handled_case<F>(static_cast<F>(handler)) {}

  void arm(select_slot&) const noexcept {}
  std::int64_t due() const noexcept { return select_at_once; }
  void run(bool) { this->handler()(); }
};

template <class C>
concept a_case = std::is_same_v<decltype(std::remove_cvref_t<C>::kind), const case_kind>;

// A receiver may stand for its recv case without a handler.
template <class T>
inline constexpr bool is_receiver = false;
template <class T>
inline constexpr bool is_receiver<receiver<T>> = true;

template <class C>
concept case_or_receiver = a_case<C> || is_receiver<std::remove_cvref_t<C>>;

template <a_case C>
C&& as_case(C&& c) noexcept {
  return std::forward<C>(c);
}
template <class T>
recv_case<T, const nothing&> as_case(const receiver<T>& c) noexcept {
  return {handle_access::core(c), no_handler};
}

// When a select gives up, and which case runs then: the earliest.
struct give_up {
  std::int64_t due = select_no_deadline;
  std::size_t index = select_result::none;

  void consider(std::int64_t other_due, std::size_t other_index) noexcept {
    if (index == select_result::none || other_due < due) {
      due = other_due;
      index = other_index;
    }
  }
};

template <class... Cases>
class static_select {
 public:
  explicit static_select(Cases&... cases) noexcept : cases_(cases...) {}

  std::size_t operator()() { return run(std::index_sequence_for<Cases...>()); }

 private:
  static constexpr std::size_t count = sizeof...(Cases);
  static constexpr std::size_t channels = ((Cases::kind == case_kind::channel) + ... + 0);
  static constexpr bool has_otherwise = ((Cases::kind == case_kind::otherwise) || ...);

  template <std::size_t... I>
  std::size_t run(std::index_sequence<I...> all) {
    select_result result;
    // One channel and `otherwise`: what is seen without a lock is often final, as in try_recv().
    bool pointless = false;
    if constexpr (channels == 1 && has_otherwise) {
      pointless = !(looks_ready<I>() || ...) || (looks_ended<I>(result) || ...);
    }
    if (!pointless) {
      result = choose(all);
    }
    if (result.index == select_result::none) {
      result.index = last_resort(all).index;
    }
    (void)((I == result.index && (std::get<I>(cases_).run(result.arrived), true)) || ...);
    return result.index;
  }

  // Index none: the last resort it is.
  template <std::size_t... I>
  select_result choose(std::index_sequence<I...> all) {
    select_slot slots[count];
    (std::get<I>(cases_).arm(slots[I]), ...);
    select_result result = select_poll(slots, count);
    if (result.index == select_result::none) {
      // One channel alone: what the poll saw is final, and waiting for it is a plain operation.
      if constexpr (channels == 1 && !has_otherwise) {
        (wait_alone<I>(last_resort(all).due, result), ...);
      } else if constexpr (channels != 1) {
        chan_core* order[count];
        result = select_wait(slots, order, count, last_resort(all).due);
      }
    }
    return result;
  }

  template <std::size_t... I>
  give_up last_resort(std::index_sequence<I...>) const noexcept {
    give_up last;
    (consider<I>(last), ...);
    return last;
  }

  template <std::size_t I>
  bool looks_ready() const noexcept {
    if constexpr (kind_of<I> == case_kind::channel) {
      return std::get<I>(cases_).looks_ready();
    } else {
      return false;
    }
  }

  template <std::size_t I>
  bool looks_ended(select_result& result) const noexcept {
    if constexpr (kind_of<I> == case_kind::channel) {
      if (std::get<I>(cases_).looks_ended()) {
        result = {.index = I, .arrived = false};
        return true;
      }
    }
    return false;
  }

  template <std::size_t I>
  void consider(give_up& last) const noexcept {
    if constexpr (kind_of<I> != case_kind::channel) {
      last.consider(std::get<I>(cases_).due(), I);
    }
  }

  template <std::size_t I>
  void wait_alone(std::int64_t due, select_result& result) {
    if constexpr (kind_of<I> == case_kind::channel) {
      const alone_result r = std::get<I>(cases_).wait_alone(due);
      if (r != alone_result::timeout) {
        result = {.index = I, .arrived = r == alone_result::done};
      }
    }
  }

  template <std::size_t I>
  static constexpr case_kind kind_of =
      std::remove_reference_t<std::tuple_element_t<I, std::tuple<Cases...>>>::kind;

  std::tuple<Cases&...> cases_;
};

}  // namespace weft::detail
