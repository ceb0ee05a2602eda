// Solo: while there is one P, and no plain thread has ever been in an entry, the locks of channels
// and the like need no atomic instruction.
//
// Invariant: while solo.now is true, an object's lock is only ever touched inside an entry on the
// one
//   P. Entries on one P exclude each other, and what one of them wrote is seen by the next, also
//   when the P has gone to another M in between: that is what the marks are for (marks.hpp), and
//   what everything else that belongs to a P relies on. So a lock is as good as the P's own data,
//   and is taken by a plain store. It is still written: that who takes it in the usual way (a
//   timer's function on the same P, say) finds it as it is, and that it holds when solo ends.
// Why the end is safe: solo ends with the world held (world.hpp). Then nobody is inside an entry,
// so
//   no such lock is half-way taken, and whoever enters afterwards has the P from who held it, and
//   sees it false. It ends before a second P is made, before stop() begins, and before the
//   first plain thread's first entry goes on. `outsiders` then keeps it from ever beginning again:
//   a thread may be inside a channel while the runtime starts.
// Why the beginning is safe: start() asks for `outsiders` and sets solo.now under the mutex under
//   which the first plain thread sets `outsiders`. All who use a lock before that are on the P.
//
// Atomics:   now        written under the mutex of solo.cpp; read relaxed inside entries: see
// above.
//            outsiders  set once, under that mutex, release, after solo has ended; read acquire.
// Tested by: tests/unit/solo_test.cpp, tests/model/solo_model.cpp
#pragma once

#include <atomic>

#include "runtime/machine/check.hpp"
#include "runtime/machine/platform.hpp"
#include "runtime/state/current.hpp"
#include "runtime/state/m.hpp"
#include "weft/detail/lock.hpp"

namespace weft::detail {

struct alignas(cache_line) solo_words {
  std::atomic<bool> now{false};
  std::atomic<bool> outsiders{false};
};
extern constinit solo_words solo;

// A plain thread is about to be in an entry. May hold the world for its first time.
void end_solo_for_good() noexcept;
inline void come_from_outside() noexcept {
  if (!solo.outsiders.load(std::memory_order_acquire)) [[unlikely]] {
    end_solo_for_good();
  }
}

// For the scheduler: there is one P, and the runtime runs. Begins solo unless there are outsiders.
void begin_solo() noexcept;
// Not inside an entry; the runtime runs. From a fiber or a plain thread. Holds the world.
void end_solo() noexcept;

// Test seam, while the runtime is stopped and no plain thread is in an entry: as if none had been.
void testing_forget_outsiders() noexcept;

// Inside an entry: acquires the lock of a channel or the like.
inline void acquire_object(lock& guard) noexcept {
  if (!solo.now.load(std::memory_order_relaxed)) {
    guard.acquire();
    return;
  }
  WEFT_CHECK(current_m() != nullptr && current_m()->asked.inside());
  if (!guard.acquire_alone()) [[unlikely]] {
    guard.acquire();
  }
}

}  // namespace weft::detail
