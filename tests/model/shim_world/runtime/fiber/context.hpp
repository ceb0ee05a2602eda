// A jump between stacks as a hand-over between model threads: takes the place of
// runtime/fiber/context.hpp. The jumper gives its M (the switcher) to the context it jumps to, and
// waits until somebody gives it one. As in the real one, only the arrival completes the context
// that was left; a jump to one that is not complete is a violation.
#pragma once

#include "tests/model/shim.hpp"

namespace weft::detail {

struct exception_state {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

struct switcher;

struct context {
  void* fctx = nullptr;  // anything but null: started
  exception_state exceptions;
  bool complete = false;  // off its stack
  switcher* given = nullptr;
  int thread = -1;  // the model thread that waits here
};

struct switcher {
  context* left = nullptr;
  exception_state* thread_exceptions = nullptr;
};

// Which switcher (M) a model thread has.
inline std::array<switcher*, 16> model_switcher_of;

inline bool model_was_given(void* c) { return static_cast<context*>(c)->given != nullptr; }

inline switcher* model_wait_for_jump(context* here) {
  auto& e = weft_model::explorer::get();
  auto& mine = model_switcher_of[static_cast<std::size_t>(e.thread())];
  mine = nullptr;
  here->thread = e.thread();
  if (here->given == nullptr) {
    e.block("a jump to it", model_was_given, here, true);
  }
  mine = std::exchange(here->given, nullptr);
  here->complete = false;
  mine->left->complete = true;
  return mine;
}

inline switcher* jump(switcher* s, context* from, context* to, bool = false) noexcept {
  weft_model::check(to->complete, "a fiber was resumed before it had left its stack");
  weft_model::check(to->given == nullptr, "a fiber was resumed twice");
  s->left = from;
  to->given = s;
  weft_model::explorer::get().wrote();
  weft_model::explorer::get().hand_to(to->thread);
  return model_wait_for_jump(from);
}

inline void adopt_thread_context(context*) noexcept {}
inline exception_state* this_thread_exceptions() noexcept { return nullptr; }
inline void retire_context(context*) noexcept {}
inline void prefetch_context(const context*) noexcept {}

}  // namespace weft::detail
