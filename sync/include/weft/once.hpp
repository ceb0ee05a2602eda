// Something that happens once: once, once_value.
//
//   weft::once ready;
//   ready.call([] { prepare(); });                       // the first caller runs it, others wait
//
//   auto settings = weft::once_value([] { return load_settings(); });
//   settings().port;                                     // loaded at the first use
//
// From fibers and plain threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"
#include "weft/detail/wait_queue.hpp"
#include "weft/runtime.hpp"

namespace weft {

// Invariant: a waiter stands in waiters_ only while bit `anyone` is set. `anyone` goes with
//   `running` only.
// Atomics: state_  idle -> running by CAS acquire. running -> done by exchange acq_rel, -> idle by
//                  CAS release or under guard_. Read acquire: the call that succeeded
//                  happens-before the return of all others.
// Tested by: tests/unit/once_test.cpp, tests/stress/sync_stress.cpp
class once {
 public:
  constexpr once() noexcept = default;
  once(const once&) = delete;
  once& operator=(const once&) = delete;

  // Calls f(args...) unless a call has succeeded before; while another call is in progress, waits
  // for its outcome. An exception that leaves f reaches the caller and leaves the once unset: the
  // next caller, or the one who has waited longest, tries. As std::call_once. About a load once
  // done. f must not call the same once. The wait ends with weft::unwind at stop().
  template <class F, class... A>
    requires std::is_invocable_v<F, A...>
  void call(F&& f, A&&... args) {
    if (state_.load(std::memory_order_acquire) == done || !begin()) [[likely]] {
      return;
    }
    attempt mine{*this};
    std::invoke(std::forward<F>(f), std::forward<A>(args)...);
    mine.succeeded = true;
  }

  // Whether a call has succeeded.
  bool called() const noexcept { return state_.load(std::memory_order_acquire) == done; }

 private:
  static constexpr std::uint32_t idle = 0;
  static constexpr std::uint32_t running = 1;
  static constexpr std::uint32_t done = 2;
  static constexpr std::uint32_t anyone = 4;

  struct attempt {
    once& of;
    bool succeeded = false;
    ~attempt() { of.end(succeeded); }
  };

  WEFT_API bool begin();
  WEFT_API void end(bool succeeded) noexcept;

  std::atomic<std::uint32_t> state_{idle};
  detail::lock guard_;
  detail::wait_queue waiters_;  // guarded by guard_
};

namespace detail {

template <class F>
class once_result {
  using R = std::invoke_result_t<F&>;
  using stored =
      std::conditional_t<std::is_void_v<R>, std::monostate,
                         std::conditional_t<std::is_reference_v<R>, std::add_pointer_t<R>, R>>;

 public:
  explicit once_result(F f) : f_(std::move(f)) {}

  decltype(auto) get() {
    once_.call([this] {
      try {
        run();
      } catch (const unwind&) {
        throw;
      } catch (...) {
        result_.template emplace<2>(std::current_exception());
      }
      f_.reset();
    });
    if (result_.index() == 2) {
      std::rethrow_exception(std::get<2>(result_));
    }
    if constexpr (std::is_reference_v<R>) {
      return static_cast<R>(*std::get<1>(result_));
    } else if constexpr (!std::is_void_v<R>) {
      return static_cast<const R&>(std::get<1>(result_));
    }
  }

 private:
  void run() {
    if constexpr (std::is_void_v<R>) {
      (*f_)();
      result_.template emplace<1>();
    } else if constexpr (std::is_reference_v<R>) {
      result_.template emplace<1>(std::addressof((*f_)()));
    } else {
      result_.template emplace<1>((*f_)());
    }
  }

  once once_;
  std::optional<F> f_;
  std::variant<std::monostate, stored, std::exception_ptr> result_;
};

}  // namespace detail

// A callable that calls f() the first time it, or a copy of it, is called, and gives everybody the
// same result: a const reference that is valid as long as one of the copies is (f's own result if
// that is a reference, nothing if it is void). If f throws, each call rethrows that same
// exception, and f is not called again: as Go's OnceValue, which panics again. Only weft::unwind
// is not kept. f is destroyed once it has been called.
template <class F>
  requires std::is_invocable_v < std::decay_t<F>
& > auto once_value(F&& f) {
  return [result = std::make_shared<detail::once_result<std::decay_t<F>>>(
              std::forward<F>(f))]() -> decltype(auto) { return result->get(); };
}

}  // namespace weft
