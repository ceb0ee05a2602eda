// A fixed array for each thread: no allocation, since allocators lock too.
//
// A fiber runs on one thread from one switch to the next, and at a switch the array is emptied. So
// what stands in it belongs to the fiber that runs now, or to the thread itself if it runs none.
#include "held.hpp"

#include <unwind.h>

namespace weft_mutex_check {

namespace {

constexpr int max_held = 48;

struct thread_locks {
  held_lock entries[max_held];
  int count;
  bool busy;  // in here already: what is locked now is not the user's
};

// initial-exec: never allocated on the way.
thread_local constinit thread_locks mine __attribute__((tls_model("initial-exec"))){};

struct walk {
  place* to;
  void* caller;
};

_Unwind_Reason_Code take_frame(_Unwind_Context* context, void* arg) {
  walk& w = *static_cast<walk*>(arg);
  auto* const address = reinterpret_cast<void*>(_Unwind_GetIP(context));
  place& to = *w.to;
  if (to.depth > 0 || address == w.caller) {  // what is below the caller is ours
    to.frames[to.depth++] = address;
  }
  return to.depth < place::max_frames ? _URC_NO_REASON : _URC_END_OF_STACK;
}

}  // namespace

void note_locked(const void* address, const char* kind, void* caller) noexcept {
  thread_locks& locks = mine;
  if (locks.busy || locks.count == max_held) {
    return;
  }
  locks.busy = true;
  held_lock& lock = locks.entries[locks.count];
  lock.address = address;
  lock.kind = kind;
  lock.locked_at.depth = 0;
  walk w{&lock.locked_at, caller};
  _Unwind_Backtrace(take_frame, &w);
  if (lock.locked_at.depth == 0) {
    lock.locked_at.frames[0] = caller;
    lock.locked_at.depth = 1;
  }
  ++locks.count;
  locks.busy = false;
}

void note_unlocked(const void* address) noexcept {
  thread_locks& locks = mine;
  if (locks.busy) {
    return;
  }
  for (int i = locks.count - 1; i >= 0; --i) {
    if (locks.entries[i].address == address) {
      --locks.count;
      for (; i < locks.count; ++i) {
        locks.entries[i] = locks.entries[i + 1];
      }
      return;
    }
  }
}

bool take_held(void (*report)(const held_lock& lock, void* arg), void* arg) noexcept {
  thread_locks& locks = mine;
  const int count = locks.count;
  locks.busy = true;
  for (int i = 0; i < count; ++i) {
    report(locks.entries[i], arg);
  }
  locks.count = 0;
  locks.busy = false;
  return count > 0;
}

}  // namespace weft_mutex_check
