#include "weft/barrier.hpp"

#include <stdexcept>

#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "sync/wake_list.hpp"

namespace weft::detail {

barrier_core::barrier_core(std::ptrdiff_t expected) : expected_(expected), pending_(expected) {
  if (expected < 0) {
    throw std::invalid_argument("weft::barrier: the expected number is negative");
  }
}

barrier_core::arrival barrier_core::arrive(std::ptrdiff_t n, bool drop) {
  entry in;
  acquire_object(guard_);
  const bool valid = n > 0 && n <= pending_;
  if (valid) {
    pending_ -= n;
    expected_ -= drop ? 1 : 0;
  }
  const arrival result{phase_.load(std::memory_order_relaxed), pending_ == 0};
  guard_.release();
  if (!valid) {
    in.leave();
    throw std::logic_error("weft::barrier: more arrivals than the phase expects, or none");
  }
  return result;
}

void barrier_core::complete() noexcept {
  wake_list woken;
  const entry in;
  acquire_object(guard_);
  pending_ = expected_;
  phase_.store(phase_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  woken.add_all(waiters_);
  guard_.release();
  woken.ready_all();
}

void barrier_core::wait_slow(std::uint64_t phase) {
  entry in;
  acquire_object(guard_);
  if (phase_.load(std::memory_order_relaxed) != phase) {
    guard_.release();
    return;
  }
  waiter w;
  const wait_options options{.reason = wait_reason::barrier};
  if (detail::wait(waiters_, guard_, w, options) == wait_outcome::unwound) {
    in.leave();
    throw_unwind();
  }
}

}  // namespace weft::detail
