// The contended side of mutex.
//
// Source: Go's internal/sync/mutex.go (normal and starving mode), with the queue under a lock of
// its own instead of a semaphore.
//
// Contention between Ps decides the design. An owner that locks and unlocks in a loop takes about
// 6 ns a turn while its cache line stays where it is, and some 100 ns when a contender touches it.
// So a contender looks only about once a microsecond (sync/spin.hpp), for a number of rounds that
// past success has earned, and then leaves. And an unlock wakes a waiter only when none is awake
// already: a woken waiter that finds the mutex taken goes back to the head of the queue.
//
// No wake-up is lost: whoever gives up competing (to wait, or because its time is over) clears
// `woken` in the same CAS that sees `locked` set. The owner at that moment has yet to unlock, and
// will then see `waiting` without `woken`.
#include "weft/mutex.hpp"

#include <system_error>

#include "runtime/machine/check.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "sync/spin.hpp"

namespace weft {

namespace {

constexpr std::int64_t starving_after_ns = 1'000'000;

}  // namespace

// A waiter for the mutex. `since` and `handed` are guarded by the mutex's guard_.
struct mutex::waiting_turn : detail::waiter {
  std::int64_t since = 0;
  bool handed = false;  // it owns the mutex
};

// Takes the mutex if it is free, clearing `clear` with it.
bool mutex::acquire(std::uint32_t clear) noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while ((seen & locked) == 0) {
    if (word_.compare_exchange_weak(seen, (seen | locked) & ~clear, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

bool mutex::try_lock_slow() noexcept { return acquire(0); }

bool mutex::spin(std::uint32_t clear) noexcept {
  return detail::spin_for(spins_, [&] {
    if (acquire(clear)) {
      return detail::attempt::taken;
    }
    // A starving mutex will not be free.
    return (word_.load(std::memory_order_relaxed) & starving) != 0 ? detail::attempt::hopeless
                                                                   : detail::attempt::again;
  });
}

// guard_ is held. Takes the mutex if it is free; otherwise sees to it that the owner will look
// into the queue.
bool mutex::acquire_or_announce(bool awake, bool starved) noexcept {
  const std::uint32_t clear = awake ? woken : 0;
  const std::uint32_t announce = starved ? waiting | starving : waiting;
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    const bool free = (seen & locked) == 0;
    const std::uint32_t next = (seen | (free ? locked : announce)) & ~clear;
    if (word_.compare_exchange_weak(seen, next, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return free;
    }
  }
}

// A waiter that was woken is often next on the very P that woke it, where it cannot run while its
// waker goes on; and until it runs, each lock() and unlock() comes here. So it is passed over a
// number of times, that being what makes the mutex fast, and then let run.
void mutex::let_woken_run() noexcept {
  constexpr std::uint16_t often = 32;
  if ((word_.load(std::memory_order_relaxed) & (locked | woken)) != woken) {
    return;
  }
  const std::uint16_t times = passed_over_.load(std::memory_order_relaxed);
  passed_over_.store(times < often ? static_cast<std::uint16_t>(times + 1) : std::uint16_t{0},
                     std::memory_order_relaxed);
  if (times >= often) {
    this_fiber::yield();
  }
}

// False: the deadline passed first.
bool mutex::lock_slow(std::int64_t deadline) {
  checkpoint();  // who locks and unlocks in a loop, and waits only by spinning, comes by nowhere
                 // else
  if (deadline == no_deadline) {
    let_woken_run();
  }
  if (spin(0)) {
    return true;
  }
  waiting_turn turn;
  turn.since = detail::now_ns();
  bool awake = false;  // `woken` stands for us
  bool starved = false;
  detail::entry in;
  for (;;) {
    acquire_object(guard_);
    if (acquire_or_announce(awake, starved)) {
      guard_.release();
      return true;
    }
    switch (detail::wait(waiters_, guard_, turn,
                         {.reason = detail::wait_reason::mutex,
                          .deadline = deadline,
                          .patient = true,
                          .front = awake})) {
      case detail::wait_outcome::woken:
        break;
      case detail::wait_outcome::timed_out:
        return false;
      case detail::wait_outcome::unwound:
        in.leave();
        detail::throw_unwind();
    }
    if (turn.handed) {
      return true;
    }
    awake = true;
    if (spin(woken)) {
      return true;
    }
    starved = detail::now_ns() - turn.since > starving_after_ns;
  }
}

// guard_ is held, as is the mutex, and nobody competes: no one else writes word_. Passes the mutex
// on, or frees it and lets a waiter compete. False: nobody waits any more; the mutex is still
// held. Releases guard_: from there on the mutex may be gone, if somebody was found.
bool mutex::release_to_waiter(detail::G*& to_ready) noexcept {
  auto* const turn = static_cast<waiting_turn*>(waiters_.pop_front());
  const std::uint32_t seen = word_.load(std::memory_order_relaxed);
  WEFT_CHECK((seen & (locked | woken)) == locked);
  if (turn == nullptr) {
    word_.store(locked, std::memory_order_relaxed);
    guard_.release();
    return false;
  }
  to_ready = turn->g;
  const auto* const next = static_cast<waiting_turn*>(waiters_.front());
  const std::uint32_t rest = next != nullptr ? waiting : 0;
  if ((seen & starving) != 0) {
    const bool still = next != nullptr && detail::now_ns() - next->since > starving_after_ns;
    turn->handed = true;
    word_.store(locked | rest | (still ? starving : 0), std::memory_order_release);
  } else {
    word_.store(woken | rest, std::memory_order_release);
  }
  guard_.release();
  return true;
}

// Unlocks; `to_ready` is whom the caller has to ready, if anybody. Inside an entry if `waiting` is
// set. False: it was not locked.
bool mutex::release(detail::G*& to_ready) noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & locked) == 0) {
      return false;
    }
    if ((seen & (waiting | woken)) == waiting) {
      acquire_object(guard_);
      if (release_to_waiter(to_ready)) {
        return true;
      }
      seen = word_.load(std::memory_order_relaxed);
    } else if (word_.compare_exchange_weak(seen, seen & ~locked, std::memory_order_release,
                                           std::memory_order_relaxed)) {
      return true;
    }
  }
}

void mutex::unlock_slow() {
  // No entry for as long as somebody is awake to take it.
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while ((seen & (locked | waiting | woken)) != (locked | waiting)) {
    if ((seen & locked) == 0) {
      throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                              "weft::mutex: unlock of an unlocked mutex");
    }
    if (word_.compare_exchange_weak(seen, seen & ~locked, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      return;
    }
  }
  detail::G* to_ready = nullptr;
  const detail::entry in;
  release(to_ready);
  if (to_ready != nullptr) {
    detail::ready(to_ready);
  }
}

}  // namespace weft
