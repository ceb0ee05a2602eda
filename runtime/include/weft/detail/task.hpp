// The closures of fibers: what go() and spawn() put into a fiber's record.
#pragma once

#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "weft/detail/fiber_record.hpp"

namespace weft::detail {

template <class F, class... A>
concept callable = !std::is_same_v<std::remove_cvref_t<F>, fiber_options> &&
                   std::is_invocable_v<std::decay_t<F>, std::decay_t<A>...>;

template <class F, class... A>
using call_result = std::invoke_result_t<std::decay_t<F>, std::decay_t<A>...>;

// An empty std::function is found at the call of go(), not when the fiber runs.
template <class F>
void reject_empty(const F& f) {
  if constexpr (std::is_constructible_v<bool, const F&> && std::is_class_v<F>) {
    if constexpr (
        requires { typename F::result_type; } || requires { f.target_type(); }) {
      if (!static_cast<bool>(f)) {
        throw std::bad_function_call();
      }
    }
  } else if constexpr (std::is_pointer_v<F> || std::is_member_pointer_v<F>) {
    if (f == nullptr) {
      throw std::bad_function_call();
    }
  }
}

// Constructs a Task in a new fiber's record from the given arguments and returns it.
template <class Task, class... A>
WEFT_CALL_SITE std::pair<G*, Task*> make_task(const fiber_options* options, A&&... args) {
  const fiber_slot slot = new_fiber(options, sizeof(Task), alignof(Task));
  try {
    return {slot.g, ::new (slot.memory) Task(std::forward<A>(args)...)};
  } catch (...) {
    discard_fiber(slot.g);
    throw;
  }
}

template <class F, class... A>
struct detached_task {
  F f;
  [[no_unique_address]] std::tuple<A...> args;

  template <class G0, class... B>
  explicit detached_task(G0&& g, B&&... b) : f(std::forward<G0>(g)), args(std::forward<B>(b)...) {}

  static void body(void* self) {
    auto* const task = static_cast<detached_task*>(self);
    struct destroyer {
      detached_task* task;
      ~destroyer() { task->~detached_task(); }
    } at_end{task};
    std::apply(std::move(task->f), std::move(task->args));
  }
};

template <class F, class... A>
WEFT_CALL_SITE void launch(const fiber_options* options, F&& f, A&&... args) {
  using task = detached_task<std::decay_t<F>, std::decay_t<A>...>;
  reject_empty(f);
  if constexpr (std::is_trivially_copyable_v<task> && sizeof(task) <= inline_closure_size &&
                alignof(task) <= alignof(std::max_align_t)) {
    if (options == nullptr) {
      constexpr std::size_t words = (sizeof(task) + 7) / 8;
      const task t(std::forward<F>(f), std::forward<A>(args)...);
      std::uint64_t bytes[words] = {};
      if constexpr (!std::is_empty_v<std::decay_t<F>> || sizeof...(A) != 0) {
        std::memcpy(bytes, &t, sizeof t);
      }
      go_words(&task::body, bytes, words);
      return;
    }
  }
  const auto made = make_task<task>(options, std::forward<F>(f), std::forward<A>(args)...);
  start_fiber(made.first, &task::body, false);
}

// The part of a spawned fiber's closure that its handle knows: the result.
template <class R>
class result_task {
 public:
  G* record() const noexcept { return g_; }

  R take_result() {
    if (result_.index() == 2) {
      std::rethrow_exception(std::get<2>(std::move(result_)));
    }
    if constexpr (std::is_reference_v<R>) {
      return static_cast<R>(*std::get<1>(result_));
    } else if constexpr (!std::is_void_v<R>) {
      return std::get<1>(std::move(result_));
    }
  }

  // Drops the result and lets the runtime have the record back.
  void destroy() noexcept {
    G* const g = g_;
    std::destroy_at(this);
    release_fiber(g);
  }

 protected:
  using stored =
      std::conditional_t<std::is_void_v<R>, std::monostate,
                         std::conditional_t<std::is_reference_v<R>, std::add_pointer_t<R>, R>>;

  template <class Call>
  void run(Call&& call) noexcept {
    try {
      if constexpr (std::is_void_v<R>) {
        call();
        result_.template emplace<1>();
      } else if constexpr (std::is_reference_v<R>) {
        result_.template emplace<1>(std::addressof(call()));
      } else {
        result_.template emplace<1>(call());
      }
    } catch (...) {
      result_.template emplace<2>(std::current_exception());
    }
  }

  G* g_ = nullptr;
  std::variant<std::monostate, stored, std::exception_ptr> result_;
};

template <class R, class F, class... A>
class joinable_task : public result_task<R> {
 public:
  template <class G0, class... B>
  explicit joinable_task(G0&& g, B&&... b) {
    ::new (&call_) call{std::forward<G0>(g), std::tuple<A...>(std::forward<B>(b)...)};
  }
  ~joinable_task() = delete;  // the call is destroyed by body(), the rest by destroy()

  static void body(void* self) {
    auto* const task = static_cast<joinable_task*>(self);
    task->run([task]() -> R {
      struct destroyer {
        call* c;
        ~destroyer() { c->~call(); }
      } at_end{&task->call_};
      return std::apply(std::move(task->call_.f), std::move(task->call_.args));
    });
  }

  void bind(G* g) noexcept { this->g_ = g; }

 private:
  struct call {
    F f;
    [[no_unique_address]] std::tuple<A...> args;
  };
  union {
    call call_;
  };
};

template <class F, class... A>
WEFT_CALL_SITE result_task<call_result<F, A...>>* launch_joinable(const fiber_options* options,
                                                                  F&& f, A&&... args) {
  using task = joinable_task<call_result<F, A...>, std::decay_t<F>, std::decay_t<A>...>;
  reject_empty(f);
  const auto made = make_task<task>(options, std::forward<F>(f), std::forward<A>(args)...);
  made.second->bind(made.first);
  start_fiber(made.first, &task::body, true);
  return made.second;
}

}  // namespace weft::detail
