#include "weft/detail/countdown.hpp"

#include <stdexcept>

#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "sync/wake_list.hpp"

namespace weft::detail {

// The count has become negative, or zero while somebody waits.
bool countdown::add_slow(std::int32_t n, std::uint64_t now) noexcept {
  if (static_cast<std::int64_t>(now) < 0) {
    word_.fetch_sub(from_count(n), std::memory_order_relaxed);
    return false;
  }
  wake_list woken;
  const entry in;
  acquire_object(guard_);
  woken.add_all(waiters_);
  word_.fetch_and(~anyone, std::memory_order_relaxed);
  guard_.release();
  woken.ready_all();
  return true;
}

void countdown::wait_slow(wait_reason reason, bool patient) {
  entry in;
  acquire_object(guard_);
  std::uint64_t seen = word_.load(std::memory_order_acquire);
  do {
    if (static_cast<std::int64_t>(seen) < one) {
      guard_.release();
      return;
    }
  } while (!word_.compare_exchange_weak(seen, seen | anyone, std::memory_order_acq_rel,
                                        std::memory_order_acquire));
  waiter w;
  const wait_options options{.reason = reason, .patient = patient};
  if (detail::wait(waiters_, guard_, w, options) == wait_outcome::woken) {
    return;
  }
  acquire_object(guard_);
  if (waiters_.empty()) {
    word_.fetch_and(~anyone, std::memory_order_relaxed);
  }
  guard_.release();
  in.leave();
  throw_unwind();
}

void throw_miscount(const char* what) { throw std::logic_error(what); }

}  // namespace weft::detail
