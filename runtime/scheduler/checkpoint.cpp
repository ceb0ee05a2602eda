// The slow half of a poll: see weft/detail/preempt.hpp.
#include <cerrno>

#include "runtime/scheduler/scheduler.hpp"
#include "weft/detail/preempt.hpp"

namespace weft::detail {

namespace {

// The fiber may go on on another thread, whose errno is elsewhere: its address must not be kept.
[[gnu::noinline]] int load_errno() noexcept {
  asm volatile("");
  return errno;
}

[[gnu::noinline]] void store_errno(int value) noexcept {
  asm volatile("");
  errno = value;
}

}  // namespace

// On a cache line of its own: it is read everywhere all the time.
alignas(cache_line) constinit std::atomic<std::uint32_t> preempt_wanted{0};

// Up to enter() nothing is called that a target with polls could have compiled: see mark_word.
void checkpoint_slow() noexcept {
  M* const m = current_m();
  if (m == nullptr || m->asked.inside()) {
    return;
  }
  const int error = load_errno();
  enter();
  leave();
  store_errno(error);
}

}  // namespace weft::detail
