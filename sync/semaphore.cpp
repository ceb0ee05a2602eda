#include "weft/semaphore.hpp"

#include <stdexcept>

#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "sync/wake_list.hpp"

namespace weft {

struct semaphore::request : detail::waiter {
  std::int64_t wanted = 0;  // in units of `one`
};

void semaphore::throw_bad_number() {
  throw std::invalid_argument("weft::semaphore: a number of permits is negative or too large");
}

// False: the deadline passed first.
bool semaphore::acquire_slow(std::ptrdiff_t n, std::int64_t deadline) {
  request mine;
  mine.wanted = n * one;
  detail::entry in;
  acquire_object(guard_);
  std::int64_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    const bool there = (seen & anyone) == 0 && seen >= mine.wanted;
    if (word_.compare_exchange_weak(seen, there ? seen - mine.wanted : seen | anyone,
                                    std::memory_order_acquire, std::memory_order_relaxed)) {
      if (there) {
        guard_.release();
        return true;
      }
      break;
    }
  }
  switch (detail::wait(waiters_, guard_, mine,
                       {.reason = detail::wait_reason::semaphore, .deadline = deadline})) {
    case detail::wait_outcome::woken:
      return true;
    case detail::wait_outcome::timed_out:
      give_up();
      return false;
    case detail::wait_outcome::unwound:
      give_up();
      in.leave();
      detail::throw_unwind();
  }
  return false;
}

// After a wait that ended early: those behind may have waited only because of this one.
void semaphore::give_up() noexcept {
  acquire_object(guard_);
  if ((word_.load(std::memory_order_relaxed) & anyone) != 0) {
    serve(0);
  } else {
    guard_.release();
  }
}

// guard_ is held, bit 0 is set. Adds permits, gives them out in order, releases guard_: if anybody
// was served, this may be gone from there on.
void semaphore::serve(std::int64_t given) noexcept {
  detail::wake_list woken;
  std::int64_t permits = (word_.load(std::memory_order_relaxed) & ~anyone) + given;
  while (!waiters_.empty()) {
    auto* const first = static_cast<request*>(waiters_.front());
    if (first->wanted > permits) {
      break;
    }
    permits -= first->wanted;
    woken.add(waiters_.pop_front());
  }
  word_.store(waiters_.empty() ? permits : permits | anyone, std::memory_order_release);
  guard_.release();
  woken.ready_all();
}

void semaphore::release_slow(std::int64_t given) {
  detail::entry in;
  for (;;) {
    acquire_object(guard_);
    std::int64_t seen = word_.load(std::memory_order_relaxed);
    if ((seen & ~anyone) > max() * one - given) {
      guard_.release();
      break;
    }
    if ((seen & anyone) != 0 && !waiters_.empty()) {
      serve(given);
      return;
    }
    if ((seen & anyone) != 0) {
      word_.store(seen & ~anyone, std::memory_order_release);
    }
    guard_.release();
    // Not under guard_: whoever gets the permits now may destroy it.
    seen &= ~anyone;
    if (word_.compare_exchange_strong(seen, seen + given, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      return;
    }
  }
  in.leave();
  throw std::overflow_error("weft::semaphore: more permits released than max()");
}

}  // namespace weft
