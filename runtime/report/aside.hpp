// Work that needs much stack, for callers that may have little: on a thread of its own.
#pragma once

namespace weft::detail {

// Calls f(arg) on another thread and waits; on the caller's stack if there is no other thread to be
// had.
void run_aside(void (*f)(void*), void* arg) noexcept;

template <class F>
void run_aside(F f) noexcept {
  run_aside([](void* call) { (*static_cast<F*>(call))(); }, &f);
}

}  // namespace weft::detail
