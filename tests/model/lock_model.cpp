// The real weft::detail::lock over a modelled futex, with store buffers: mutual exclusion; nobody
// waits for ever although release has no fence and may overlook a sleeper; release does not touch
// the lock once it is free.
#include "tests/model/shim.hpp"

#include "runtime/machine/lock.cpp"

namespace {

using namespace weft_model;
using weft::detail::lock;

template <int Threads, int Rounds>
struct contenders : scenario {
  lock guard;
  int inside = 0;
  int entered = 0;
  int threads() const override { return Threads; }
  void run(int) override {
    for (int i = 0; i < Rounds; ++i) {
      guard.acquire();
      check(++inside == 1, "two inside the lock");
      explorer::get().point("inside", &inside);
      check(--inside == 0, "two inside the lock");
      ++entered;
      guard.release();
    }
  }
  void finish() override {
    check(entered == Threads * Rounds, "not everybody came in");
    check(!guard.is_held(), "the lock stayed held");
  }
};

// Who comes out last frees what the lock is in, while the others may still be in their release().
struct last_one_frees : scenario {
  lock guard;
  int left = 3;
  int threads() const override { return 3; }
  void run(int) override {
    guard.acquire();
    const bool last = --left == 0;
    guard.release();
    if (last) {
      explorer::get().make_dead(guard);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<contenders<2, 1>>("lock: two threads", {.preemptions = 3, .store_buffers = true});
  models.holds<contenders<2, 2>>("lock: two threads, twice",
                                 {.preemptions = 2, .store_buffers = true});
  models.holds<contenders<3, 1>>("lock: three threads", {.preemptions = 2, .store_buffers = true});
  models.holds<last_one_frees>("lock: freed by who leaves last",
                               {.preemptions = 2, .store_buffers = true});
  return models.result();
}
