// A signal handler of ours in front of whatever was there before.
//
// install() and remove() are called one at a time; the handler may run at any time in between, and
// afterwards too: who has put a handler before ours keeps ours as the one to hand on to.
// Atomics: passing_, passed_at_  the context of the signal last passed on, and where the stack was
//                    then: relaxed. They only tell that the same one has come back, from a handler
//                    to which we hand on and which hands on to us.
// Tested by: tests/unit/overflow_test.cpp
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>

namespace weft::detail {

class chained_signal {
 public:
  using handler = void (*)(int number, siginfo_t*, void* context);

  // `ours` runs on the alternate stack of the thread, where it has one.
  void install(int number, handler ours) noexcept;

  // Puts back what was there before, unless somebody else has come in front since.
  void remove() noexcept;

  // From our handler: does what would have happened without it, as the kernel would have. May
  // return, and then our handler must return too: a fault then happens again, and is final.
  void pass_on(siginfo_t* info, void* context) noexcept;

 private:
  bool is_ours() const noexcept;
  bool has_come_back(const void* context) noexcept;

  int number_ = 0;
  handler ours_ = nullptr;
  struct sigaction before_ {};
  std::atomic<const void*> passing_{nullptr};
  std::atomic<std::uintptr_t> passed_at_{0};
};

}  // namespace weft::detail
