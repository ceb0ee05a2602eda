// Telling those who work for somebody that they may stop: context.
//
//   auto [ctx, cancel] = weft::with_timeout(weft::background(), 5s);
//   weft::go([ctx = ctx] {
//     while (!ctx.is_done()) step();
//   });
//   weft::select(recv(work, use), recv(ctx.done(), [] { clean_up(); }));
//   cancel();                                        // or at the end of its scope
//
// As Go's package context. A context can be cancelled, may have a deadline, and carries values.
// It is made from another one, its parent: when the parent is done, so is the child, and
// everything below it. A child never cancels its parent. Pass a context on as a function's first
// parameter; whoever makes one ends it.
//
// A context is a handle, one counted pointer: copies are the same context. It may be used by any
// number of fibers and threads at once; one handle object must not be assigned to while another
// fiber uses it. No fiber waits on a context's behalf, and a child that has been cancelled leaves
// nothing behind in its parent.
//
// Nothing here waits. What a canceller did before it cancelled happens-before whatever another
// sees of it: is_done(), err(), a closed done(), the call of after_done().
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <stop_token>
#include <system_error>
#include <type_traits>
#include <utility>

#include "weft/channel.hpp"
#include "weft/clock.hpp"
#include "weft/detail/context_node.hpp"
#include "weft/detail/deadline.hpp"
#include "weft/detail/export.hpp"

namespace weft {

// The category of err(): its codes are those of std::errc, with words of their own. They compare
// equal to std::errc::operation_canceled and std::errc::timed_out.
WEFT_API const std::error_category& context_category() noexcept;

// Tested by: tests/unit/context_test.cpp, tests/stress/context_stress.cpp
class context {
 public:
  // The background: never done, no deadline, no values.
  context() noexcept = default;

  // A channel that is closed when the context is done: for select, or to wait with recv(). The nil
  // channel if it can never be done. Made at the first call: throws std::bad_alloc.
  WEFT_API receiver<void> done() const;

  bool is_done() const noexcept { return static_cast<bool>(err()); }

  // Why it is done: operation_canceled, or timed_out when its deadline or one above has passed.
  // No error while it is not.
  WEFT_API std::error_code err() const noexcept;

  // What it was cancelled with, here or above: with_cancel_cause() and its like. Where nothing was
  // given, a std::system_error with err(). Null while it is not done.
  WEFT_API std::exception_ptr cause() const;

  // When it will be done at the latest: the earliest of its own deadline and those above.
  WEFT_API std::optional<clock::time_point> deadline() const noexcept;

  // The value of the nearest with_value() for this key, or null. Valid as long as the context is.
  template <class Key>
  const typename Key::value_type* value() const noexcept {
    for (const detail::context_node* n = node_.get(); n != nullptr; n = n->parent) {
      if (n->key == &detail::context_key<Key>::id) {
        return static_cast<const typename Key::value_type*>(n->value);
      }
    }
    return nullptr;
  }

  // For code that knows std::stop_token. The callbacks registered with it run in whoever cancels,
  // before the contexts below are done. A token without a state if it can never be done. Made at
  // the first call: throws std::bad_alloc.
  WEFT_API std::stop_token token() const;

  friend bool operator==(const context& a, const context& b) noexcept {
    return a.node_.get() == b.node_.get();
  }

 private:
  friend struct context_access;
  explicit context(detail::context_node* owned) noexcept : node_(owned) {}
  detail::context_ref node_;
};

// How the rest of the library makes and opens handles.
struct context_access {
  static context make(detail::context_node* owned) noexcept { return context(owned); }
  static detail::context_node* node(const context& c) noexcept { return c.node_.get(); }
  static detail::context_node* take(context& c) noexcept { return c.node_.take(); }
};

// Cancels a context when it is called, and at the latest when it is destroyed. Movable. Calling it
// again does nothing. When it returns, the context is done and so is what is below it, except for
// what somebody else is cancelling at the same time; done() channels are closed, the calls of
// after_done() have been started. May be called from anywhere, by many at once.
class cancel_function {
 public:
  cancel_function() noexcept = default;  // cancels nothing
  explicit cancel_function(detail::context_ref of) noexcept : node_(std::move(of)) {}
  cancel_function(cancel_function&&) noexcept = default;
  cancel_function& operator=(cancel_function&& other) noexcept {
    if (this != &other) {
      (*this)();
      node_ = std::move(other.node_);
    }
    return *this;
  }
  ~cancel_function() { (*this)(); }

  void operator()() const noexcept {
    if (node_.get() != nullptr) {
      cancel(nullptr);
    }
  }

 protected:
  WEFT_API void cancel(std::exception_ptr cause) const noexcept;

 private:
  detail::context_ref node_;
};

// The same, with a cause for context::cause(). A null cause is none.
class cancel_cause_function : public cancel_function {
 public:
  using cancel_function::cancel_function;
  using cancel_function::operator();
  void operator()(std::exception_ptr cause) const noexcept { cancel(std::move(cause)); }
};

// The root of all contexts; and the same for where it is not clear yet which one to use.
inline context background() noexcept { return {}; }
inline context todo() noexcept { return {}; }

// A child that can be cancelled. If the parent is done already, so is the child.
[[nodiscard]] WEFT_API std::pair<context, cancel_function> with_cancel(context parent);
[[nodiscard]] WEFT_API std::pair<context, cancel_cause_function> with_cancel_cause(context parent);

// A child that is done when the time has come, or before. A deadline in the past: at once.
// clock::time_point::max(): never. The cause is what cause() gives when the deadline was why.
// Throws std::bad_alloc; starts the runtime if it does not run.
[[nodiscard]] WEFT_API std::pair<context, cancel_function> with_deadline_cause(
    context parent, clock::time_point deadline, std::exception_ptr cause);

[[nodiscard]] inline std::pair<context, cancel_function> with_deadline(context parent,
                                                                       clock::time_point deadline) {
  return with_deadline_cause(std::move(parent), deadline, nullptr);
}
template <class Rep, class Period>
[[nodiscard]] std::pair<context, cancel_function> with_timeout_cause(
    context parent, const std::chrono::duration<Rep, Period>& timeout, std::exception_ptr cause) {
  return with_deadline_cause(std::move(parent), detail::deadline_in(timeout), std::move(cause));
}
template <class Rep, class Period>
[[nodiscard]] std::pair<context, cancel_function> with_timeout(
    context parent, const std::chrono::duration<Rep, Period>& timeout) {
  return with_deadline_cause(std::move(parent), detail::deadline_in(timeout), nullptr);
}

// A child that carries a value. Keys are types, so that they cannot collide:
//   struct user_key { using value_type = std::string; };
//   auto ctx = weft::with_value(parent, user_key{}, "gopher");
//   const std::string* user = ctx.value<user_key>();
template <class Key, class V>
  requires std::is_constructible_v<typename Key::value_type, V>
[[nodiscard]] context with_value(context parent, Key, V&& value) {
  auto* const made =
      new detail::value_node<Key>(context_access::node(parent), std::forward<V>(value));
  context_access::take(parent);
  return context_access::make(made);
}

// A child with the values of its parent that is not done when the parent is, and has no deadline.
[[nodiscard]] WEFT_API context without_cancel(context parent);

// Takes back a call of after_done(). Copying is not needed; dropping it takes nothing back.
class stop_fn {
 public:
  stop_fn() noexcept = default;
  explicit stop_fn(detail::done_call* owned) noexcept : call_(owned) {}
  stop_fn(stop_fn&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  stop_fn& operator=(stop_fn&& other) noexcept {
    stop_fn old(std::move(*this));
    call_ = std::exchange(other.call_, nullptr);
    return *this;
  }
  ~stop_fn() {
    if (call_ != nullptr) {
      call_->release();
    }
  }

  // True: it will not be called, and this is why. False: it has been started (it may still be
  // running), or was taken back before.
  WEFT_API bool stop() noexcept;
  bool operator()() noexcept { return stop(); }

 private:
  detail::done_call* call_ = nullptr;
};

// Calls f() in a fiber of its own once the context is done; at once if it is already. An exception
// that leaves f ends the process, as from any detached fiber. (If no fiber can be made for want of
// memory, f runs in whoever cancels.) Throws std::bad_alloc.
template <class F>
  requires std::is_invocable_v < std::decay_t<F>
& > stop_fn after_done(const context& c, F&& f) {
  auto* const call = new detail::done_call_of<std::decay_t<F>>(std::forward<F>(f));
  detail::register_done_call(call, context_access::node(c));
  return stop_fn(call);
}

}  // namespace weft
