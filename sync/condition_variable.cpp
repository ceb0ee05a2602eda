// condition_variable: the step from the mutex into the queue.
//
// The waiter must be in the queue before the mutex is free, and its fiber off its stack before
// anybody can find it in the queue. So both happen in the commit of its park: into the queue,
// then unlock, on the next stack.
#include "weft/condition_variable.hpp"

#include <system_error>

#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "sync/wake_list.hpp"

namespace weft {

struct condition_variable::parting {
  condition_variable* from;
  mutex* held;
  detail::waiter* w;
};

// The commit. The frame of `arg` and `w` may be gone as soon as guard_ is released; the mutex is
// not: its waiter comes back for it.
void condition_variable::part(void* arg) noexcept {
  const parting p = *static_cast<parting*>(arg);
  acquire_object(p.from->guard_);
  p.from->waiters_.push_back(p.w);
  p.from->anyone_.store(true, std::memory_order_relaxed);
  p.from->guard_.release();
  detail::G* to_ready = nullptr;
  p.held->release(to_ready);
  if (to_ready != nullptr) {
    detail::ready(to_ready);
  }
}

cv_status condition_variable::wait_slow(std::unique_lock<mutex>& hold, std::int64_t deadline) {
  if (!hold.owns_lock()) {
    throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                            "weft::condition_variable: wait without holding the mutex");
  }
  const detail::wait_options options{.reason = detail::wait_reason::condition_variable,
                                     .deadline = deadline};
  mutex& held = *hold.mutex();
  detail::waiter w;
  {
    detail::entry in;
    if (detail::refuse_wait(options)) {
      in.leave();
      detail::throw_unwind();
    }
    w.cancel = detail::cancel_waiter;
    w.g = detail::self();
    w.guard = &guard_;
    w.contested = deadline != detail::never || detail::current_m() == nullptr;
    parting p{this, &held, &w};
    detail::park(part, &p, &w, options);
  }
  try {
    held.lock();
  } catch (...) {
    hold.release();
    throw;
  }
  switch (w.outcome) {
    case detail::wait_outcome::woken:
      return cv_status::no_timeout;
    case detail::wait_outcome::timed_out:
      return cv_status::timeout;
    case detail::wait_outcome::unwound:
      detail::throw_unwind();
  }
  return cv_status::no_timeout;
}

void condition_variable::notify_slow(bool all) noexcept {
  detail::wake_list woken;
  const detail::entry in;
  acquire_object(guard_);
  if (all) {
    woken.add_all(waiters_);
  } else if (detail::waiter* w = waiters_.pop_front()) {
    woken.add(w);
  }
  anyone_.store(!waiters_.empty(), std::memory_order_relaxed);
  guard_.release();
  woken.ready_all();
}

}  // namespace weft
