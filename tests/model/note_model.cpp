// The real note over a modelled futex: a wake is never lost, a timeout and a wake have one winner.
#include "tests/model/shim.hpp"

#include "runtime/machine/note.hpp"

namespace {

using namespace weft_model;
using weft::detail::note;

struct wait_and_wake : scenario {
  note n;
  std::atomic<int> written{0};
  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      n.wait();
      check(written.load(std::memory_order_relaxed) == 1, "woken before the waker wrote");
      check(!n.is_signalled(), "the wake was not consumed");
    } else {
      written.store(1, std::memory_order_relaxed);
      n.wake();
    }
  }
};

// The deadline and one wake: whoever comes second leaves or finds the wake.
struct timeout_and_wake : scenario {
  note n;
  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      if (!n.wait_until(explorer::get().now + 100)) {
        n.wait();  // the wake is still to come, or there already
      }
      check(!n.is_signalled(), "one wake was consumed and is still there");
    } else {
      n.wake();
    }
  }
};

// Wakes do not add up, but the last one is never swallowed by an earlier one's end.
struct two_rounds : scenario {
  note n;
  std::atomic<int> posted{0};
  int threads() const override { return 3; }
  void run(int t) override {
    if (t == 0) {
      while (posted.load() < 2) {
        n.wait();
      }
    } else {
      posted.fetch_add(1);
      n.wake();
    }
  }
};

struct two_timed_rounds : two_rounds {
  void run(int t) override {
    if (t != 0) {
      return two_rounds::run(t);
    }
    n.wait_until(explorer::get().now + 100);
    two_rounds::run(0);
  }
};

}  // namespace

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<wait_and_wake>("note: wait and wake", {.preemptions = 3, .store_buffers = true});
  models.holds<timeout_and_wake>("note: deadline and wake",
                                 {.preemptions = 3, .store_buffers = true});
  models.holds<two_rounds>("note: two wakers", {.preemptions = 3, .store_buffers = true});
  models.holds<two_timed_rounds>("note: two wakers and a deadline",
                                 {.preemptions = 3, .store_buffers = true});
  return models.result();
}
