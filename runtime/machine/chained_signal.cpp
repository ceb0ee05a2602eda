#include "runtime/machine/chained_signal.hpp"

#include <unistd.h>

namespace weft::detail {

bool chained_signal::is_ours() const noexcept {
  struct sigaction now {};
  return sigaction(number_, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
         now.sa_sigaction == ours_;
}

void chained_signal::install(int number, handler ours) noexcept {
  number_ = number;
  ours_ = ours;
  if (is_ours()) {
    return;
  }
  // Before ours can run.
  sigaction(number, nullptr, &before_);
  struct sigaction wanted {};
  wanted.sa_sigaction = ours;
  wanted.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&wanted.sa_mask);
  sigaction(number, &wanted, nullptr);
}

void chained_signal::remove() noexcept {
  if (ours_ != nullptr && is_ours()) {
    sigaction(number_, &before_, nullptr);
  }
}

// A handler that jumps out leaves the words behind, and the next signal may have its context in the
// same place; but only one that comes back is deeper in the stack.
bool chained_signal::has_come_back(const void* context) noexcept {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const bool same = passing_.load(std::memory_order_relaxed) == context &&
                    here < passed_at_.load(std::memory_order_relaxed);
  passing_.store(context, std::memory_order_relaxed);
  passed_at_.store(here, std::memory_order_relaxed);
  return same;
}

void chained_signal::pass_on(siginfo_t* info, void* context) noexcept {
  const struct sigaction before = before_;
  const bool sent = info->si_code <= 0;  // by kill() and its like: it will not happen again
  const bool has_info = (before.sa_flags & SA_SIGINFO) != 0;
  const bool came_back = has_come_back(context);
  if (!has_info && before.sa_handler == SIG_IGN && sent) {
    return;
  }
  if (came_back || (!has_info && (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN))) {
    // The kernel does not let a fault be ignored either.
    signal(number_, SIG_DFL);
    if (sent) {
      raise(number_);  // pending until we return
    }
    return;
  }
  // The mask that was there comes back with the return from our handler.
  sigset_t mask = before.sa_mask;
  if ((before.sa_flags & SA_NODEFER) != 0) {
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, number_);
    pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
    sigdelset(&mask, number_);
  }
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  if ((before.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) {
    before_.sa_flags &= ~SA_SIGINFO;
    before_.sa_handler = SIG_DFL;
  }
  if (has_info) {
    before.sa_sigaction(number_, info, context);
  } else {
    before.sa_handler(number_);
  }
  passing_.store(nullptr, std::memory_order_relaxed);
}

}  // namespace weft::detail
