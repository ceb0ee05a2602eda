#include "weft/once.hpp"

#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "sync/wake_list.hpp"

namespace weft {

namespace {

// The tag of a waiter that is woken to run it, not because somebody has.
constexpr std::uint32_t to_run = 1;

}  // namespace

// True: the caller shall run it. False: somebody else has.
bool once::begin() {
  std::uint32_t seen = idle;
  if (state_.compare_exchange_strong(seen, running, std::memory_order_acquire)) {
    return true;
  }
  detail::entry in;
  acquire_object(guard_);
  seen = state_.load(std::memory_order_acquire);
  for (;;) {
    if (seen == done) {
      guard_.release();
      return false;
    }
    const std::uint32_t next = seen == idle ? running : seen | anyone;
    if (state_.compare_exchange_weak(seen, next, std::memory_order_acquire)) {
      if (next == running) {
        guard_.release();
        return true;
      }
      break;
    }
  }
  detail::waiter w;
  const detail::wait_options options{.reason = detail::wait_reason::once};
  if (detail::wait(waiters_, guard_, w, options) == detail::wait_outcome::woken) {
    return w.tag == to_run;
  }
  in.leave();
  detail::throw_unwind();
}

void once::end(bool succeeded) noexcept {
  if (!succeeded) {
    std::uint32_t seen = running;
    if (state_.compare_exchange_strong(seen, idle, std::memory_order_release)) {
      return;
    }
  } else if (state_.exchange(done, std::memory_order_acq_rel) == running) {
    return;
  }
  // Somebody waits, or did.
  detail::wake_list woken;
  const detail::entry in;
  acquire_object(guard_);
  if (succeeded) {
    woken.add_all(waiters_);
  } else if (detail::waiter* w = waiters_.pop_front()) {
    w->tag = to_run;
    woken.add(w);
    state_.store(waiters_.empty() ? running : running | anyone, std::memory_order_release);
  } else {
    state_.store(idle, std::memory_order_release);
  }
  guard_.release();
  woken.ready_all();
}

}  // namespace weft
