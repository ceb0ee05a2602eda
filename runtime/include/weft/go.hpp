// Starting fibers: go() detached, spawn() to be joined, run() for main, blocking() for calls that
// may block the thread.
//
// A fiber starts where its starter's P is: it runs next there unless another P takes it. Starting
// one happens-before its body begins; its end happens-before join() returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "weft/detail/fiber_record.hpp"
#include "weft/detail/task.hpp"
#include "weft/runtime.hpp"

namespace weft {

struct fiber_options {
  std::string_view name = {};  // for dumps and errors; copied
  std::size_t stack_size = 0;  // bytes; 0: options.stack_size. Another size costs an mmap
  bool preempt = true;         // false: does not yield when its slice is over (but one that does
                               // not call weft for as long loses its P all the same)
};

// Starts a detached fiber that calls f(args...), both decay-copied as by std::thread. Starts the
// default runtime if none runs. Never blocks; allocates nothing for closures of up to 64 bytes.
// Throws std::bad_alloc or std::system_error (no memory, address space or guard pages for
// another stack), std::bad_function_call for an empty std::function; nothing was started then.
// An exception that leaves f ends the process with a report.
template <class F, class... A>
requires detail::callable<F, A...> WEFT_CALL_SITE void go(F&& f, A&&... args) {
  detail::launch(nullptr, std::forward<F>(f), std::forward<A>(args)...);
}

template <class F, class... A>
requires detail::callable<F, A...> WEFT_CALL_SITE void go(const fiber_options& options, F&& f,
                                                          A&&... args) {
  detail::launch(&options, std::forward<F>(f), std::forward<A>(args)...);
}

// The handle of a spawned fiber; movable. One thread or fiber uses a handle at a time.
template <class R>
class fiber {
 public:
  fiber() noexcept = default;
  fiber(fiber&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  // Joins what it held before, as the destructor does.
  fiber& operator=(fiber&& other) noexcept {
    if (this != &other) {
      reset();
      task_ = std::exchange(other.task_, nullptr);
    }
    return *this;
  }
  // Waits for the fiber to end; its result or exception is dropped.
  ~fiber() { reset(); }

  // Waits until the fiber has ended; returns its result or rethrows what left it. Once only:
  // std::logic_error if not joinable. weft::unwind when stop() ends the wait or has unwound the
  // fiber; in the first case the handle stays joinable.
  R join() {
    if (task_ == nullptr) {
      throw std::logic_error("weft::fiber::join: not joinable: empty, moved from or joined before");
    }
    detail::join_fiber(task_->record(), false);
    const std::unique_ptr<task, releaser> ended(std::exchange(task_, nullptr));
    return ended->take_result();
  }

  bool joinable() const noexcept { return task_ != nullptr; }
  fiber_id id() const noexcept {
    return task_ != nullptr ? detail::fiber_number(task_->record()) : 0;
  }

 private:
  using task = detail::result_task<R>;
  struct releaser {
    void operator()(task* t) const noexcept { t->destroy(); }
  };

  template <class F, class... A>
    requires detail::callable<F, A...>
  friend auto spawn(F&& f, A&&... args) -> fiber<detail::call_result<F, A...>>;
  template <class F, class... A>
    requires detail::callable<F, A...>
  friend auto spawn(const fiber_options& options, F&& f, A&&... args)
      -> fiber<detail::call_result<F, A...>>;

  explicit fiber(task* t) noexcept : task_(t) {}

  void reset() noexcept {
    if (task_ != nullptr) {
      detail::join_fiber(task_->record(), true);
      std::exchange(task_, nullptr)->destroy();
    }
  }

  task* task_ = nullptr;
};

// As go(), for a fiber that will be joined. What leaves f is rethrown by join().
template <class F, class... A>
requires detail::callable<F, A...> WEFT_CALL_SITE auto spawn(F&& f, A&&... args)
    -> fiber<detail::call_result<F, A...>> {
  return fiber<detail::call_result<F, A...>>(
      detail::launch_joinable(nullptr, std::forward<F>(f), std::forward<A>(args)...));
}

template <class F, class... A>
requires detail::callable<F, A...> WEFT_CALL_SITE auto spawn(const fiber_options& options, F&& f,
                                                             A&&... args)
    -> fiber<detail::call_result<F, A...>> {
  return fiber<detail::call_result<F, A...>>(
      detail::launch_joinable(&options, std::forward<F>(f), std::forward<A>(args)...));
}

// start(options), main as a fiber, stop(); returns what main returned or rethrows what left it.
// Other fibers are unwound when main ends. Not from a fiber, nor while the runtime runs:
// std::logic_error.
template <class F>
  requires std::is_invocable_v<F>
auto run(F&& main, options settings = {}) -> std::invoke_result_t<F> {
  start(settings);
  struct stopper {
    ~stopper() { stop(); }
  } stop_at_end;
  return spawn([&main]() -> std::invoke_result_t<F> { return std::invoke(std::forward<F>(main)); })
      .join();
}

// When blocking() gives its P to other fibers.
enum class hand_off_p : std::uint8_t {
  after_a_tick,  // once the call has lasted for 20 to 40 us: costs short calls next to nothing
  at_once,       // before the call: for what surely blocks for long; costs microseconds
};

namespace detail {
// False: there is nothing for end_blocking() to end.
WEFT_API bool begin_blocking(hand_off_p when) noexcept;
WEFT_API void end_blocking() noexcept;
}  // namespace detail

// Calls f(), which may block the thread: a blocking system call, a database client, a lock held by
// another process. Other fibers run meanwhile, on another thread if the call lasts. Afterwards the
// fiber needs a P again, for which it may have to wait; results and exceptions pass through. Calls
// may nest, and f may call weft, though what waits in weft needs no blocking(). On a plain thread
// it just calls f.
// Calls that block undeclared are found, too, some milliseconds later: docs/scheduling.md.
template <class F>
  requires std::is_invocable_v<F>
auto blocking(hand_off_p when, F&& f) -> std::invoke_result_t<F> {
  struct scope {
    const bool begun;
    ~scope() {
      if (begun) {
        detail::end_blocking();
      }
    }
  } call{detail::begin_blocking(when)};
  return std::invoke(std::forward<F>(f));
}

template <class F>
  requires std::is_invocable_v<F>
auto blocking(F&& f) -> std::invoke_result_t<F> {
  return blocking(hand_off_p::after_a_tick, std::forward<F>(f));
}

}  // namespace weft
