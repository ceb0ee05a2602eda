// A fiber that moves from thread to thread: what it may keep across a wait, and what it may not.
//
// Built several times (-O2, -fPIC, LTO, two compilers: tests/migration): compilers keep the
// addresses of thread-locals, and of __errno_location() and __cxa_get_globals(), across calls. What
// weft says about the calling fiber, and the state of exceptions, must be right in every build.
// User code must not keep a thread_local or errno across a wait; a noinline function that reads one
// anew is right. A program of its own without a test framework, so that each build is quick.
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "weft/fiber_local.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;

void require(bool condition, const char* what) {
  if (!condition) {
    std::fprintf(stderr, "migration_test: %s\n", what);
    std::abort();
  }
}

thread_local int thread_mark = 0;  // its address tells the thread

// The rule that the documentation gives: read a thread_local in a function of its own.
[[gnu::noinline]] int* mark_address() {
  int* address = &thread_mark;
  asm volatile("" : "+r"(address));
  return address;
}

[[gnu::noinline]] pthread_t thread_now() {
  pthread_t self = pthread_self();
  asm volatile("" : "+r"(self));
  return self;
}

std::atomic<int> moves{0};

// Waits until others have run, most often elsewhere.
void move_on(int i) {
  const pthread_t before = thread_now();
  if (i % 3 == 0) {
    weft::this_fiber::sleep_for(1us);
  } else {
    weft::this_fiber::yield();
  }
  if (!pthread_equal(before, thread_now())) {
    ++moves;
  }
}

void identity_stays(int number, weft::fiber_local<int>& local) {
  *local = number;
  const auto id = weft::this_fiber::get_id();
  for (int i = 0; i < 300; ++i) {
    move_on(i);
    require(weft::this_fiber::is_fiber(), "is_fiber() is false on a fiber");
    require(weft::this_fiber::get_id() == id, "the fiber's id changed");
    require(*local == number, "the fiber-local value changed");
    require(weft::this_fiber::stack_remaining() < 256 * 1024, "another fiber's stack");
  }
}

void thread_locals_read_anew_are_right() {
  static std::atomic<int> wrong{0};
  for (int i = 0; i < 300; ++i) {
    int* const mark = mark_address();
    *mark = 1;
    move_on(i);
    // The address is this thread's own, wherever that is.
    int* const now = mark_address();
    *now = 2;
    wrong += *now != 2;
  }
  require(wrong == 0, "a thread_local that is read anew is wrong");
}

void exceptions_stay(int number) {
  for (int i = 0; i < 100; ++i) {
    try {
      struct waits {
        int i;
        ~waits() {
          const int before = std::uncaught_exceptions();
          move_on(i);
          require(std::uncaught_exceptions() == before && before == 1, "uncaught_exceptions()");
        }
      } w{i};
      throw std::runtime_error(std::to_string(number * 1000 + i));
    } catch (const std::runtime_error& e) {
      move_on(i);
      require(e.what() == std::to_string(number * 1000 + i), "another fiber's exception");
      try {
        try {
          throw;
        } catch (const std::exception&) {
          move_on(i + 1);
          throw;
        }
      } catch (const std::runtime_error& again) {
        require(&again == &e, "throw; threw something else");
      }
    }
    require(std::current_exception() == nullptr, "an exception is left over");
  }
}

[[gnu::noinline]] int* errno_address() {
  int* address = &errno;
  asm volatile("" : "+r"(address));
  return address;
}

// weft does not change errno of the thread that calls it, when it does not move.
void errno_is_the_threads() {
  weft::spawn([] {
    for (int i = 0; i < 300; ++i) {
      int* const before = errno_address();
      *before = 4711;
      weft::this_fiber::stack_remaining();
      weft::checkpoint();
      if (errno_address() == before) {
        require(*before == 4711, "errno was changed");
      }
    }
  }).join();
}

void all(int procs) {
  weft::run(
      [] {
        weft::fiber_local<int> local;
        std::vector<weft::fiber<void>> fibers;
        for (int i = 0; i < 24; ++i) {
          fibers.push_back(weft::spawn([i, &local] {
            identity_stays(i, local);
            thread_locals_read_anew_are_right();
            exceptions_stay(i);
          }));
        }
        for (auto& f : fibers) {
          f.join();
        }
        errno_is_the_threads();
      },
      {.procs = procs});
}

}  // namespace

int main() {
  for (const int procs : {1, 2, 8}) {
    all(procs);
  }
  std::printf("%d moves between threads\n", moves.load());
  require(moves > 0, "no fiber ever moved");
  return 0;
}
