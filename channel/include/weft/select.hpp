// Select: the first of several channel operations that can be done.
//
//   std::size_t i = weft::select(
//       recv(results, [&](std::optional<int> v) { ... }),   // nullopt: closed and drained
//       send(jobs, next, [&] { ... }),                      // `next` is moved from only if sent
//       weft::after(100ms, [&] { ... }),
//       weft::otherwise([&] { ... }));                      // if nothing can be done at once
//
// Does exactly one case, then runs its handler and returns its number, counted from 0 in the order
// written. When several cases can be done at once, one of them is chosen at random, each with the
// same probability, sends and receives alike. When none can, select waits: until one can, or, with
// after() or until(), until that time. With otherwise() it never waits. Of several deadlines the
// earliest counts.
//
// recv(c, f)      f takes the std::optional<T>, or nothing. For chan<void>: a bool, false when the
//                 channel is closed, or nothing. A closed channel can always be received from.
// send(c, v, f)   v is anything that a T can be made from. A variable of type T is moved from if
//                 the case is chosen, else untouched; anything else is converted. For chan<void>:
//                 send(c, f). A closed channel can be chosen, and closed_channel is thrown then.
// after(d, f)     at the earliest d after select has begun to wait
// until(t, f)     at the earliest at the time point t
// otherwise(f)    when at one moment no other case could be done
//
// c               any receiver<T>, as it is: recv(c). So what after(d) of <weft/time.hpp> returns
//                 can stand here, too, and counts as a channel then: if its time has come when
//                 select begins, it is ready like the others, while after(d, f) comes after them
//
// f is called with no arguments where nothing else is said, and may be left out. Handlers run when
// the choice is final, outside of any lock; they may do anything, and what they throw leaves
// select. The same channel may stand in several cases, as send and as receive too: a select does
// not deal with itself. Cases of nil channels are never chosen. weft::select() waits for ever.
//
// The number of cases known only at run time:
//
//   std::vector<weft::select_case> cases;
//   for (auto& c : channels) cases.push_back(recv(c, on_value));
//   while (...) weft::select(cases);
//
// From fibers and plain threads. The form with cases as arguments allocates nothing. Ordering as
// for the channel operation that was done. Can end with weft::unwind; nothing was done then.
//
// The algorithm and its proof: channel/select.cpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/channel.hpp"
#include "weft/clock.hpp"
#include "weft/detail/export.hpp"
#include "weft/detail/select_any.hpp"
#include "weft/detail/select_case.hpp"

namespace weft {

template <class T, class F>
  requires detail::recv_handler<F&&, T>
[[nodiscard]] auto recv(const receiver<T>& c, F&& f) {
  return detail::recv_case<T, F&&>(detail::handle_access::core(c), std::forward<F>(f));
}
template <class T, class F>
  requires detail::recv_handler<F&&, T>
[[nodiscard]] auto recv(const chan<T>& c, F&& f) {
  return detail::recv_case<T, F&&>(detail::handle_access::core(c), std::forward<F>(f));
}
template <class T>
[[nodiscard]] auto recv(const receiver<T>& c) {
  return recv(c, detail::no_handler);
}
template <class T>
[[nodiscard]] auto recv(const chan<T>& c) {
  return recv(c, detail::no_handler);
}

template <class T, class V, class F>
  requires detail::sendable<T, V> && std::invocable<F&&>
[[nodiscard]] auto send(const sender<T>& c, V&& value, F&& f) {
  return detail::make_send_case<T>(detail::handle_access::core(c), std::forward<V>(value),
                                   std::forward<F>(f));
}
template <class T, class V, class F>
  requires detail::sendable<T, V> && std::invocable<F&&>
[[nodiscard]] auto send(const chan<T>& c, V&& value, F&& f) {
  return detail::make_send_case<T>(detail::handle_access::core(c), std::forward<V>(value),
                                   std::forward<F>(f));
}
template <class T, class V>
  requires detail::sendable<T, V>
[[nodiscard]] auto send(const sender<T>& c, V&& value) {
  return send(c, std::forward<V>(value), detail::no_handler);
}
template <class T, class V>
  requires detail::sendable<T, V>
[[nodiscard]] auto send(const chan<T>& c, V&& value) {
  return send(c, std::forward<V>(value), detail::no_handler);
}
template <std::invocable F>
[[nodiscard]] auto send(const sender<void>& c, F&& f) {
  return detail::send_case<void, void, F&&>(detail::handle_access::core(c), std::forward<F>(f));
}
template <std::invocable F>
[[nodiscard]] auto send(const chan<void>& c, F&& f) {
  return detail::send_case<void, void, F&&>(detail::handle_access::core(c), std::forward<F>(f));
}
[[nodiscard]] inline auto send(const sender<void>& c) { return send(c, detail::no_handler); }
[[nodiscard]] inline auto send(const chan<void>& c) { return send(c, detail::no_handler); }

template <std::invocable F>
[[nodiscard]] auto after(duration d, F&& f) {
  return detail::deadline_case<duration, F&&>(d, std::forward<F>(f));
}
template <std::invocable F>
[[nodiscard]] auto until(clock::time_point t, F&& f) {
  return detail::deadline_case<clock::time_point, F&&>(t, std::forward<F>(f));
}
[[nodiscard]] inline auto until(clock::time_point t) { return until(t, detail::no_handler); }

template <std::invocable F>
[[nodiscard]] auto otherwise(F&& f) {
  return detail::otherwise_case<F&&>(std::forward<F>(f));
}
[[nodiscard]] inline auto otherwise() { return otherwise(detail::no_handler); }

template <detail::a_case... Cases>
  requires(sizeof...(Cases) != 0)
std::size_t select(Cases&&... cases) {
  return detail::static_select<std::remove_reference_t<Cases>...>(cases...)();
}

// With receivers among them.
template <detail::case_or_receiver... Cases>
  requires(!(detail::a_case<Cases> && ...))
std::size_t select(Cases&&... cases) {
  return select(detail::as_case(std::forward<Cases>(cases))...);
}

// Waits for ever: returns only by weft::unwind.
[[noreturn]] WEFT_API std::size_t select();

// A case that can be kept. It holds its channel, and a copy of its handler, which may be called
// any number of times. A send of a variable refers to that variable: each select sends what it
// holds then. A send of anything else keeps the value: each select sends a copy of it; if T cannot
// be copied, the case is never chosen again once its value was sent. Copies of a select_case are
// the same case: one select at a time may use it. One that was moved from is never chosen.
class select_case {
 public:
  template <detail::a_case Case>
  select_case(Case&& c) : case_(detail::forget_type(c)) {}
  template <class T>
  select_case(const receiver<T>& c) : select_case(recv(c)) {}

 private:
  friend WEFT_API std::size_t select(std::span<select_case> cases);
  void arm(detail::select_slot& s) const {
    if (case_ != nullptr) {
      case_->arm(s);
    }
  }
  std::shared_ptr<detail::any_case> case_;
};

// Allocates only for more than 16 cases. Of no cases at all: waits for ever.
WEFT_API std::size_t select(std::span<select_case> cases);
inline std::size_t select(std::vector<select_case>& cases) { return select(std::span(cases)); }
inline std::size_t select(std::vector<select_case>&& cases) { return select(std::span(cases)); }

}  // namespace weft
