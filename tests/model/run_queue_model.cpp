// The real run_queue and global_queue, with rings of 4: no G is lost, none is taken twice, each
// consumer sees them in the order they were pushed.
#include "tests/model/shim.hpp"

#define WEFT_RUN_QUEUE_CAPACITY 4
#include "runtime/state/g.hpp"
#include "runtime/state/global_queue.cpp"
#include "runtime/state/run_queue.cpp"

// A G has one; nobody arms it here.
weft::detail::timer_node::timer_node() noexcept : when_(0), key_(0) {}

namespace {

using namespace weft_model;
using weft::detail::G;
using weft::detail::global_queue;
using weft::detail::run_queue;

// Gs 1 to `count`, and who took which in what order.
struct queue_program : scenario {
  static constexpr int count = 9;
  run_queue owner;
  run_queue thief[2];
  global_queue global;
  std::array<G, count + 1> gs;
  std::array<int, count + 1> taken{};
  std::array<int, 4> last{};
  int pushed = 0;

  queue_program() {
    for (G& g : gs) {
      g.bound = reinterpret_cast<weft::detail::stack*>(&g);  // started: the FIFO half of global
      g.ctx.fctx = &g;
    }
    owner.share();
    thief[0].share();
    thief[1].share();
    global.reserve(count);
  }
  ~queue_program() override { global.release(); }
  G* fresh() { return &gs[static_cast<std::size_t>(++pushed)]; }
  int number(const G* g) const { return static_cast<int>(g - gs.data()); }

  // consumer -1: whoever, order does not matter.
  void take(G* g, int consumer) {
    if (g == nullptr) {
      return;
    }
    const int n = number(g);
    check(n >= 1 && n <= pushed, "what was taken had not been pushed");
    check(++taken[static_cast<std::size_t>(n)] == 1, "a G was taken twice");
    if (consumer >= 0) {
      int& before = last[static_cast<std::size_t>(consumer)];
      check(n > before, "not first in, first out");
      before = n;
    }
  }
  // The batch of a thief: those in its ring come before the one that was returned.
  void steal(int who) {
    run_queue& mine = thief[who];
    if (G* g = owner.steal_half(mine); g != nullptr) {
      while (G* earlier = mine.pop_front()) {
        take(earlier, who);
      }
      take(g, who);
    }
  }
  void drain(run_queue& q, int consumer) {
    while (G* g = q.pop_front()) {
      take(g, consumer);
    }
    take(q.pop_next(), -1);
  }
  void finish() override {
    drain(owner, 3);
    drain(thief[0], -1);
    drain(thief[1], -1);
    while (G* g = global.pop_oldest()) {
      take(g, -1);
    }
    for (int i = 1; i <= pushed; ++i) {
      check(taken[static_cast<std::size_t>(i)] == 1, "a G was lost");
    }
  }
};

struct push_pop_steal : queue_program {
  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      owner.push_back(fresh(), global);
      owner.push_back(fresh(), global);
      owner.push_back(fresh(), global);
      take(owner.pop_front(), 3);
      owner.push_back(fresh(), global);
      take(owner.pop_front(), 3);
      take(owner.pop_front(), 3);
    } else {
      steal(0);
      steal(0);
    }
  }
};

struct push_and_steal : queue_program {
  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      owner.push_back(fresh(), global);
      owner.push_back(fresh(), global);
      take(owner.pop_front(), 3);
    } else {
      steal(0);
    }
  }
};

struct two_thieves : queue_program {
  two_thieves() {
    for (int i = 0; i < 3; ++i) {
      owner.push_back(fresh(), global);
    }
  }
  int threads() const override { return 3; }
  void run(int t) override {
    if (t == 0) {
      take(owner.pop_front(), 3);
      owner.push_back(fresh(), global);
      take(owner.pop_front(), 3);
    } else {
      steal(t - 1);
    }
  }
};

// A full ring overflows while a thief makes room in it.
struct overflow : queue_program {
  overflow() {
    for (int i = 0; i < 4; ++i) {
      owner.push_back(fresh(), global);
    }
  }
  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      owner.push_back(fresh(), global);
      owner.push_back(fresh(), global);
      take(owner.pop_front(), -1);
      owner.push_back(fresh(), global);
      owner.push_back(fresh(), global);
      owner.push_back(fresh(), global);
    } else {
      steal(0);
      steal(0);
    }
  }
};

// The owner takes back what it pushed last, and uses the slot again.
struct take_back : queue_program {
  int threads() const override { return 3; }
  void run(int t) override {
    if (t != 0) {
      return steal(t - 1);
    }
    owner.push_back(fresh(), global);
    for (int i = 0; i < 2; ++i) {
      G* const g = fresh();
      owner.push_back(g, global);
      if (owner.take_back(g)) {
        take(g, -1);
      }
    }
    take(owner.pop_front(), -1);
  }
};

struct run_next : queue_program {
  run_next() { owner.push_next(fresh(), global); }
  int threads() const override { return 3; }
  void run(int t) override {
    if (t == 0) {
      owner.push_next(fresh(), global);
      take(owner.pop_next(), -1);
      owner.push_next(fresh(), global);
      take(owner.pop_next(), -1);
    } else {
      steal(t - 1);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<push_pop_steal>("run_queue: push, pop, steal", {.preemptions = 3});
  models.holds<two_thieves>("run_queue: two thieves", {.preemptions = 3});
  models.holds<overflow>("run_queue: overflow against a thief", {.preemptions = 3});
  models.holds<take_back>("run_queue: take back", {.preemptions = 3});
  models.holds<run_next>("run_queue: runnext", {.preemptions = 3});
  models.holds<push_and_steal>("run_queue: push and steal",
                               {.preemptions = 2, .store_buffers = true});
  return models.result();
}
