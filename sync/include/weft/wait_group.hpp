// Waiting for a number of things to be done: wait_group.
//
//   weft::wait_group group;
//   for (auto& part : parts) group.go([&part] { work(part); });
//   group.wait();
//
// As Go's sync.WaitGroup: a counter that add() raises and done() lowers, and wait() waits for it
// to be zero. From fibers and plain threads; any number may wait.
//
// An add() that raises the counter from zero must happen before wait() is called, not beside it:
// otherwise wait() may see the zero and return early. A group may be used again once all calls of
// wait() have returned. It may be destroyed as soon as a wait() has returned, provided that no
// other is in progress.
#pragma once

#include <type_traits>
#include <utility>

#include "weft/detail/countdown.hpp"
#include "weft/go.hpp"

namespace weft {

namespace detail {

// f(), then done() on the group, also when f ends by unwinding. f is gone before done(): what it
// refers to may be gone afterwards.
template <class Group, class F>
struct grouped_task {
  Group* group;
  F f;

  void operator()() {
    struct at_end {
      Group* group;
      ~at_end() { group->done(); }
    } end{group};
    if constexpr (std::is_trivially_destructible_v<F>) {
      f();
    } else {
      F local(std::move(f));
      local();
    }
  }
};

}  // namespace detail

// Tested by: tests/unit/wait_group_test.cpp, tests/stress/sync_stress.cpp
class wait_group {
 public:
  constexpr wait_group() noexcept : count_(0) {}
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;

  // Raises the counter by n, or lowers it if n is negative. Never waits; one locked instruction.
  // When it comes to zero, all who wait go on. Throws std::logic_error, and leaves the counter as
  // it was, if it would become negative or exceed 2^31 - 1.
  void add(int n = 1) {
    if (!count_.add(n)) [[unlikely]] {
      detail::throw_miscount(n < 0 ? "weft::wait_group: negative counter"
                                   : "weft::wait_group: counter too large");
    }
  }

  // add(-1). What the caller did before happens-before the wait() that it lets go on returns.
  void done() { add(-1); }

  // Waits until the counter is zero; returns at once if it is. stop() lets the wait go on for as
  // long as the fibers it waits for can still end (they are unwound, and done() runs in their
  // destructors or in go()); only when nothing else can happen it ends with weft::unwind.
  void wait() { count_.wait(detail::wait_reason::wait_group, true); }

  // add(1), and starts a fiber that calls f() and then done(). An exception that leaves f ends the
  // process, as from any detached fiber. Throws what weft::go() throws; the counter is as before
  // then.
  template <class F>
    requires std::is_invocable_v < std::decay_t<F>
  & > WEFT_CALL_SITE void go(F&& f) {
    detail::reject_empty(f);
    add(1);
    try {
      weft::go(detail::grouped_task<wait_group, std::decay_t<F>>{this, std::forward<F>(f)});
    } catch (...) {
      done();
      throw;
    }
  }

 private:
  detail::countdown count_;
};

}  // namespace weft
