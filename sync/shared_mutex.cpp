// The contended side of shared_mutex.
//
// Source: the phases of Go's sync/rwmutex.go; the lock is passed on by the one who leaves, never
// fought for by those who wait. (Brandenburg and Anderson, "Reader-Writer Synchronization for
// Shared-Memory Multiprocessor Real-Time Systems", 2009, call such a lock phase-fair.)
//
// Readers are counted in word_ once they are admitted, not while they wait, so a wait that ends
// early has little to repair: give_up().
#include "weft/shared_mutex.hpp"

#include <system_error>

#include "runtime/machine/check.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "sync/spin.hpp"
#include "sync/wake_list.hpp"

namespace weft {

namespace {

[[noreturn]] void throw_not_held(const char* what) {
  throw std::system_error(std::make_error_code(std::errc::operation_not_permitted), what);
}

}  // namespace

bool shared_mutex::lock_slow(std::int64_t deadline) {
  checkpoint();  // as in mutex.cpp
  const bool taken = detail::spin_for(spins_, [this] {
    if (lock_free()) {
      return detail::attempt::taken;
    }
    return (word_.load(std::memory_order_relaxed) & waiting) != 0 ? detail::attempt::hopeless
                                                                  : detail::attempt::again;
  });
  return taken || queue_up(writers_, deadline);
}

bool shared_mutex::lock_shared_slow(std::int64_t deadline) {
  checkpoint();
  const bool taken = detail::spin_for(spins_, [this] {
    if (try_lock_shared()) {
      return detail::attempt::taken;
    }
    return (word_.load(std::memory_order_relaxed) & waiting) != 0 ? detail::attempt::hopeless
                                                                  : detail::attempt::again;
  });
  return taken || queue_up(readers_, deadline);
}

// Takes the lock if it has become free, else waits to be admitted. False: the deadline passed.
bool shared_mutex::queue_up(detail::wait_queue& queue, std::int64_t deadline) {
  const bool to_write = &queue == &writers_;
  detail::entry in;
  acquire_object(guard_);
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    const bool free = to_write ? seen == 0 : (seen & (writer | waiting)) == 0;
    const std::uint32_t next = !free ? seen | waiting : to_write ? writer : seen + reader;
    if (word_.compare_exchange_weak(seen, next, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      if (free) {
        guard_.release();
        return true;
      }
      break;
    }
  }
  detail::waiter w;
  switch (detail::wait(
      queue, guard_, w,
      {.reason = detail::wait_reason::shared_mutex, .deadline = deadline, .patient = true})) {
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

// After a wait that ended early: the last writer to give up lets the readers pass that waited
// behind it, the last waiter of all clears `waiting`.
void shared_mutex::give_up() noexcept {
  detail::wake_list woken;
  if (guard_if_waiting()) {
    const std::uint32_t held = word_.load(std::memory_order_relaxed);
    if (writers_.empty() && (held & writer) == 0) {
      admit_readers(held & ~waiting, woken);
    }
    guard_.release();
  }
  woken.ready_all();
}

// guard_ is held. `held`: the readers that have the lock already, in units of `reader`.
void shared_mutex::admit_readers(std::uint32_t held, detail::wake_list& woken) noexcept {
  while (detail::waiter* w = readers_.pop_front()) {
    held += reader;
    woken.add(w);
  }
  word_.store(held | (writers_.empty() ? 0 : waiting), std::memory_order_release);
}

// guard_ is held, a writer waits.
void shared_mutex::admit_writer(detail::wake_list& woken) noexcept {
  woken.add(writers_.pop_front());
  const bool rest = !writers_.empty() || !readers_.empty();
  word_.store(writer | (rest ? waiting : 0), std::memory_order_release);
}

// True: guard_ is held and somebody waits. False: nobody waits (any more), guard_ is not held.
bool shared_mutex::guard_if_waiting() noexcept {
  acquire_object(guard_);
  const std::uint32_t seen = word_.load(std::memory_order_relaxed);
  if ((seen & waiting) != 0) {
    if (!readers_.empty() || !writers_.empty()) {
      return true;
    }
    word_.store(seen & ~waiting, std::memory_order_release);
  }
  guard_.release();
  return false;
}

void shared_mutex::unlock_slow() {
  if ((word_.load(std::memory_order_relaxed) & writer) == 0) {
    throw_not_held("weft::shared_mutex: unlock without a writer");
  }
  detail::wake_list woken;
  const detail::entry in;
  for (;;) {
    if (guard_if_waiting()) {
      if (!readers_.empty()) {
        admit_readers(0, woken);
      } else {
        admit_writer(woken);
      }
      guard_.release();
      break;
    }
    // Not under guard_: whoever gets it now may destroy it.
    std::uint32_t held = writer;
    if (word_.compare_exchange_strong(held, 0, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      break;
    }
  }
  woken.ready_all();
}

void shared_mutex::unlock_shared_slow() {
  if (word_.load(std::memory_order_relaxed) < reader) {
    throw_not_held("weft::shared_mutex: unlock_shared without a reader");
  }
  detail::wake_list woken;
  const detail::entry in;
  for (;;) {
    if (guard_if_waiting()) {
      const std::uint32_t left = word_.load(std::memory_order_relaxed) - reader;
      WEFT_CHECK((left & writer) == 0);
      if (left >= reader) {
        word_.store(left, std::memory_order_release);
      } else if (!writers_.empty()) {
        admit_writer(woken);
      } else {
        admit_readers(0, woken);
      }
      guard_.release();
      break;
    }
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    if ((seen & waiting) == 0 &&
        word_.compare_exchange_strong(seen, seen - reader, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      break;
    }
  }
  woken.ready_all();
}

}  // namespace weft
