// Fibers that work on one thing, of which the first to fail ends it for all: error_group.
//
//   weft::error_group group(ctx);
//   for (auto& url : urls) {
//     group.go([&, ctx = group.context()] { fetch(ctx, url); });
//   }
//   group.wait();                       // waits for all; rethrows the first exception
//
// As Go's golang.org/x/sync/errgroup. An exception that leaves one of the functions (or an
// std::error_code that is set, for functions that return one) is an error: the first one is kept
// and cancels the group's context, so that the others know. weft::unwind, with which stop() ends
// waits, is not an error.
//
// From fibers and plain threads. go() and try_go() may be called by several at once, also from the
// group's own functions.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include "weft/context.hpp"
#include "weft/detail/export.hpp"
#include "weft/go.hpp"
#include "weft/runtime.hpp"

namespace weft {

namespace detail {

// What a group and its fibers share. The functions are in sync/error_group.cpp.
class group_state;

class group_member {
 public:
  explicit group_member(std::shared_ptr<group_state> of) noexcept : of_(std::move(of)) {}
  group_member(group_member&&) noexcept = default;
  group_member& operator=(group_member&&) = delete;
  // Ends the membership.
  WEFT_API ~group_member();

  WEFT_API void fail(std::exception_ptr error) const noexcept;

 private:
  std::shared_ptr<group_state> of_;
};

template <class F>
struct group_task {
  group_member member;
  F f;

  void operator()() {
    // Both are gone when this returns, f first: what it refers to may be gone after wait().
    const group_member mine(std::move(member));
    F call(std::move(f));
    try {
      using result = std::invoke_result_t<F&>;
      if constexpr (std::is_same_v<result, std::error_code>) {
        if (const std::error_code error = call()) {
          throw std::system_error(error);
        }
      } else {
        call();
      }
    } catch (const unwind&) {
      throw;
    } catch (...) {
      mine.fail(std::current_exception());
    }
  }
};

}  // namespace detail

// Tested by: tests/unit/error_group_test.cpp
class error_group {
 public:
  // The group's context is a child of `parent`. Throws std::bad_alloc.
  WEFT_API explicit error_group(weft::context parent = background());
  error_group(const error_group&) = delete;
  error_group& operator=(const error_group&) = delete;

  // Cancels the context and waits for all, as wait() does; errors are dropped.
  WEFT_API ~error_group();

  // Done when a function has failed, when wait() has returned, or when the parent is. Its cause()
  // is the first error.
  WEFT_API weft::context context() const noexcept;

  // Starts a fiber that calls f(). With a limit, first waits until there is room; this wait ends
  // with weft::unwind at stop(). Throws what weft::go() throws.
  template <class F>
    requires std::is_invocable_v < std::decay_t<F>
  & > void go(F&& f) {
    detail::reject_empty(f);
    start(enter(), std::forward<F>(f));
  }

  // The same, but never waits: false if there is no room; f is untouched then.
  template <class F>
    requires std::is_invocable_v < std::decay_t<F>
  & > bool try_go(F&& f) {
    detail::reject_empty(f);
    auto member = try_enter();
    if (member == nullptr) {
      return false;
    }
    start(detail::group_member(std::move(member)), std::forward<F>(f));
    return true;
  }

  // At most n functions at a time; negative: any number (so from the start); 0: none can be
  // started. Throws std::logic_error while functions of the group are running.
  WEFT_API void set_limit(std::ptrdiff_t n);

  // Waits until all functions have ended, cancels the context, and rethrows the first error if
  // there was one. What the functions did happens-before it returns. At stop() it goes on waiting
  // for as long as they can end, and ends with weft::unwind only then.
  WEFT_API void wait();

 private:
  WEFT_API detail::group_member enter();
  WEFT_API std::shared_ptr<detail::group_state> try_enter();

  template <class F>
  void start(detail::group_member member, F&& f) {
    weft::go(detail::group_task<std::decay_t<F>>{std::move(member), std::forward<F>(f)});
  }

  std::shared_ptr<detail::group_state> state_;
};

}  // namespace weft
