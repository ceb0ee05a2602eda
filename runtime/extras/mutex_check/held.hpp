// The pthread mutexes and rwlocks that the calling thread holds, with where they were locked.
#pragma once

#include <cstddef>

namespace weft_mutex_check {

// What is written down of a stack: the caller of the lock function and those above it.
struct place {
  static constexpr int max_frames = 6;
  void* frames[max_frames];
  int depth;
};

struct held_lock {
  const void* address;
  const char* kind;  // "mutex", "rwlock"
  place locked_at;
};

// Each ignores what happens inside the other, and inside report(): unwinding takes locks too.
// Locks beyond the first few dozen of a thread are not remembered.
void note_locked(const void* address, const char* kind, void* caller) noexcept;
void note_unlocked(const void* address) noexcept;

// Calls report(lock) for what the thread holds, and forgets it: it will be unlocked elsewhere.
// True if it held anything.
bool take_held(void (*report)(const held_lock& lock, void* arg), void* arg) noexcept;

}  // namespace weft_mutex_check
