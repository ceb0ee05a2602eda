// The lock functions of the C library, with a note of who holds what. The program and its libraries
// find these first, since this library stands before the C library.
//
// pthread_cond_wait() unlocks and locks inside the C library, where this does not see it: for its
// duration the mutex counts as held, and the thread does nothing else.
#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cerrno>

#include "held.hpp"

namespace {

using weft_mutex_check::note_locked;
using weft_mutex_check::note_unlocked;

// dlsym() may allocate, and an allocator may lock: such a lock, before there are threads, is let
// pass as if it was taken.
thread_local constinit bool looking __attribute__((tls_model("initial-exec"))) = false;

template <class Function>
class original;

template <class... A>
class original<int(A...)> {
 public:
  constexpr explicit original(const char* name) noexcept : name_(name) {}

  int operator()(A... arguments) noexcept {
    int (*function)(A...) = function_.load(std::memory_order_relaxed);
    if (function == nullptr) {
      if (looking || !find()) {
        return looking ? 0 : ENOSYS;
      }
      function = function_.load(std::memory_order_relaxed);
    }
    return function(arguments...);
  }

  bool find() noexcept {
    looking = true;
    auto* const found = reinterpret_cast<int (*)(A...)>(dlsym(RTLD_NEXT, name_));
    function_.store(found, std::memory_order_relaxed);
    looking = false;
    return found != nullptr;
  }

 private:
  const char* const name_;
  std::atomic<int (*)(A...)> function_{nullptr};
};

int locked(int result, const void* lock, const char* kind, void* caller) noexcept {
  if (result == 0 || result == EOWNERDEAD) {
    note_locked(lock, kind, caller);
  }
  return result;
}

}  // namespace

// Functions that lock, with a point of time or a clock and a point of time; and that unlock.
#define LOCKS(name, kind, type)                                                \
  namespace {                                                                  \
  constinit original<int(type*)> real_##name(#name);                           \
  }                                                                            \
  extern "C" [[gnu::visibility("default")]] int name(type* lock) noexcept {    \
    return locked(real_##name(lock), lock, kind, __builtin_return_address(0)); \
  }

#define LOCKS_UNTIL(name, kind, type)                                                          \
  namespace {                                                                                  \
  constinit original<int(type*, const timespec*)> real_##name(#name);                          \
  }                                                                                            \
  extern "C" [[gnu::visibility("default")]] int name(type* lock, const timespec* t) noexcept { \
    return locked(real_##name(lock, t), lock, kind, __builtin_return_address(0));              \
  }

#define LOCKS_UNTIL_ON(name, kind, type)                                             \
  namespace {                                                                        \
  constinit original<int(type*, clockid_t, const timespec*)> real_##name(#name);     \
  }                                                                                  \
  extern "C" [[gnu::visibility("default")]] int name(type* lock, clockid_t c,        \
                                                     const timespec* t) noexcept {   \
    return locked(real_##name(lock, c, t), lock, kind, __builtin_return_address(0)); \
  }

#define UNLOCKS(name, type)                                                 \
  namespace {                                                               \
  constinit original<int(type*)> real_##name(#name);                        \
  }                                                                         \
  extern "C" [[gnu::visibility("default")]] int name(type* lock) noexcept { \
    note_unlocked(lock);                                                    \
    return real_##name(lock);                                               \
  }

LOCKS(pthread_mutex_lock, "mutex", pthread_mutex_t)
LOCKS(pthread_mutex_trylock, "mutex", pthread_mutex_t)
LOCKS_UNTIL(pthread_mutex_timedlock, "mutex", pthread_mutex_t)
LOCKS_UNTIL_ON(pthread_mutex_clocklock, "mutex", pthread_mutex_t)
UNLOCKS(pthread_mutex_unlock, pthread_mutex_t)

LOCKS(pthread_rwlock_rdlock, "rwlock (shared)", pthread_rwlock_t)
LOCKS(pthread_rwlock_tryrdlock, "rwlock (shared)", pthread_rwlock_t)
LOCKS_UNTIL(pthread_rwlock_timedrdlock, "rwlock (shared)", pthread_rwlock_t)
LOCKS_UNTIL_ON(pthread_rwlock_clockrdlock, "rwlock (shared)", pthread_rwlock_t)
LOCKS(pthread_rwlock_wrlock, "rwlock", pthread_rwlock_t)
LOCKS(pthread_rwlock_trywrlock, "rwlock", pthread_rwlock_t)
LOCKS_UNTIL(pthread_rwlock_timedwrlock, "rwlock", pthread_rwlock_t)
LOCKS_UNTIL_ON(pthread_rwlock_clockwrlock, "rwlock", pthread_rwlock_t)
UNLOCKS(pthread_rwlock_unlock, pthread_rwlock_t)

// Before there is a second thread.
[[gnu::constructor]] static void find_all() {
  real_pthread_mutex_lock.find();
  real_pthread_mutex_trylock.find();
  real_pthread_mutex_timedlock.find();
  real_pthread_mutex_clocklock.find();
  real_pthread_mutex_unlock.find();
  real_pthread_rwlock_rdlock.find();
  real_pthread_rwlock_tryrdlock.find();
  real_pthread_rwlock_timedrdlock.find();
  real_pthread_rwlock_clockrdlock.find();
  real_pthread_rwlock_wrlock.find();
  real_pthread_rwlock_trywrlock.find();
  real_pthread_rwlock_timedwrlock.find();
  real_pthread_rwlock_clockwrlock.find();
  real_pthread_rwlock_unlock.find();
}
