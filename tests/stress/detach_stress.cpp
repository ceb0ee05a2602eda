// The bare detach protocol (runtime/state/marks.hpp), without a scheduler: one thread enters and
// leaves as fast as it can, another takes its P away as fast as it can, a third one borrows it.
//
// Oracle: whoever holds the P is alone. Inside an entry the first thread writes the P's plain
// fields; having won a detach, so does the second one, and gives the P back, and the third while it
// has borrowed it. A field that changes under its holder, or a holder that finds another one's
// mark, is a violation.
//
// --mode membarrier (default), fences (what is used where the kernel has no membarrier), or
// no-barrier: the negative control, which must show violations within its time, and fails
// otherwise.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include "runtime/machine/platform.hpp"
#include "runtime/state/marks.hpp"
#include "support/stress.hpp"

namespace {

using weft::detail::marks;
using weft::detail::request;

enum class mode { membarrier, fences, no_barrier };

// Plain, but for ThreadSanitizer's and the optimiser's eyes in the negative control.
struct owned {
  volatile int holder = 0;
  volatile unsigned long count = 0;
};

struct state {
  alignas(64) marks asked;
  alignas(64) owned p;
  alignas(64) std::atomic<bool> given_back{false};  // the second thread is done with the P
  std::atomic<bool> end{false};
  std::atomic<unsigned long> violations{0};
  unsigned long entries = 0;
  unsigned long answered = 0;  // requests that the first thread took in time
  unsigned long detaches = 0;
  unsigned long borrows = 0;
};

void use(state& s, int who) {
  const int before = s.p.holder;
  const unsigned long count = s.p.count;
  s.p.holder = who;
  s.p.count = count + 1;
  if (before != 0 || s.p.holder != who || s.p.count != count + 1) {
    s.violations.fetch_add(1, std::memory_order_relaxed);
  }
  s.p.holder = 0;
}

// Comes back for its P.
void reattach(state& s) {
  while (!s.given_back.exchange(false, std::memory_order_acquire)) {
    if (s.end.load(std::memory_order_relaxed)) {
      return;
    }
  }
  s.asked.settle();
}

void enter_and_leave(state& s) {
  while (!s.end.load(std::memory_order_relaxed)) {
    if (!s.asked.enter()) {
      switch (s.asked.take()) {
        case request::none:
          break;
        case request::yield:
          ++s.answered;
          break;
        case request::detached:
          reattach(s);
          break;
      }
    }
    use(s, 1);
    ++s.entries;
    s.asked.leave();
    if (s.entries % 64 == 0) {  // a fiber's own code
      for (int i = 0; i < 100; ++i) {
        weft::detail::cpu_relax();
      }
    }
  }
}

void take_away(state& s, mode how) {
  while (!s.end.load(std::memory_order_relaxed)) {
    if (!s.asked.begin_detach()) {
      continue;
    }
    if (how == mode::membarrier) {
      weft::detail::process_membarrier();
    }
    if (s.asked.inside() || !s.asked.end_detach()) {
      s.asked.cancel_detach();
      continue;
    }
    use(s, 2);
    ++s.detaches;
    s.given_back.store(true, std::memory_order_release);
  }
}

void borrow(state& s, mode how) {
  while (!s.end.load(std::memory_order_relaxed)) {
    if (!s.asked.begin_borrow()) {
      continue;
    }
    if (how == mode::membarrier) {
      weft::detail::process_membarrier();
    }
    if (s.asked.inside() || !s.asked.end_borrow()) {
      s.asked.cancel_borrow();
      continue;
    }
    use(s, 3);
    ++s.borrows;
    s.asked.give_back();
  }
}

mode take_mode(int& argc, char** argv) {
  mode how = mode::membarrier;
  if (argc > 2 && std::strcmp(argv[1], "--mode") == 0) {
    how = std::strcmp(argv[2], "fences") == 0       ? mode::fences
          : std::strcmp(argv[2], "no-barrier") == 0 ? mode::no_barrier
                                                    : mode::membarrier;
    for (int i = 3; i <= argc; ++i) {
      argv[i - 2] = argv[i];
    }
    argc -= 2;
  }
  return how;
}

}  // namespace

int main(int argc, char** argv) {
  const mode how = take_mode(argc, argv);
  const auto options = weft_testing::parse_stress(argc, argv);
  if (how == mode::membarrier && !weft::detail::register_membarrier()) {
    std::puts("skipped: this kernel has no membarrier");
    return 0;
  }
  state s;
  s.asked.begin_inside(how == mode::fences);
  s.asked.leave();
  std::thread first([&] { enter_and_leave(s); });
  std::thread second([&] { take_away(s, how); });
  std::thread third([&] {
    if (how != mode::no_barrier) {  // one at a time shows more
      borrow(s, how);
    }
  });
  const weft_testing::stopwatch time(options.seconds);
  while (time.running() && (how != mode::no_barrier || s.violations == 0)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  s.end = true;
  first.join();
  second.join();
  third.join();
  std::printf(
      "%lu entries, %lu detaches, %lu borrows, %lu requests answered in time, %lu violations\n",
      s.entries, s.detaches, s.borrows, s.answered, s.violations.load());
  if (how == mode::no_barrier) {
    weft_testing::require(s.violations > 0, "without the barrier nothing went wrong");
  } else {
    weft_testing::require(s.violations == 0, "two held the P at the same time");
    weft_testing::require(s.detaches > 0, "nothing was ever detached");
    weft_testing::require(s.borrows > 0, "nothing was ever borrowed");
  }
  return 0;
}
