// A note: one thread sleeps until it is woken once, or until a deadline.
//
// Owner:   the thread that waits; any thread may wake.
// States:  empty -> sleeping (the owner, before the futex call) -> signalled (a waker) -> empty
//          (the owner). A wake that comes before the wait is kept; wakes do not add up.
// Atomics: word_  waker exchange acq_rel, owner CAS and exchange acq_rel: what a waker wrote
//          before wake() is seen after wait(). The waker's last touch is the futex call: the note's
//          memory must outlive it (the G and M records that hold notes are type-stable).
// Tested by: tests/unit/machine_test.cpp, tests/model/note_model.cpp
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "runtime/machine/platform.hpp"

namespace weft::detail {

class note {
 public:
  // True: woken (the wake is consumed). False: the deadline (monotonic ns) passed first.
  bool wait_until(std::int64_t deadline_ns) noexcept {
    std::uint32_t seen = empty;
    if (!word_.compare_exchange_strong(seen, sleeping, std::memory_order_acq_rel)) {
      consume();
      return true;
    }
    for (;;) {
      std::int64_t timeout = -1;
      if (deadline_ns != no_deadline) {
        timeout = deadline_ns - monotonic_ns();
        if (timeout <= 0) {
          break;
        }
      }
      futex_wait(&word_, sleeping, timeout);
      if (word_.load(std::memory_order_acquire) == signalled) {
        consume();
        return true;
      }
    }
    seen = sleeping;
    if (word_.compare_exchange_strong(seen, empty, std::memory_order_acq_rel)) {
      return false;
    }
    consume();
    return true;
  }

  void wait() noexcept { wait_until(no_deadline); }

  // Whether a wake is there to be consumed, for a thread that spins before it waits.
  bool is_signalled() const noexcept { return word_.load(std::memory_order_acquire) == signalled; }

  void wake() noexcept {
    if (word_.exchange(signalled, std::memory_order_acq_rel) == sleeping) {
      futex_wake(&word_, 1);
    }
  }

  static constexpr std::int64_t no_deadline = std::numeric_limits<std::int64_t>::max();

 private:
  static constexpr std::uint32_t empty = 0;
  static constexpr std::uint32_t signalled = 1;
  static constexpr std::uint32_t sleeping = 2;

  // An exchange and not a store: a store could still be on its way to memory while the owner looks
  // at what it waits for, and would then wipe out a wake that came after that look.
  void consume() noexcept { word_.exchange(empty, std::memory_order_acq_rel); }

  std::atomic<std::uint32_t> word_{empty};
};

}  // namespace weft::detail
