// The real marks, the real detacher, the real theft of a runnext: an M that enters and leaves,
// sysmon that takes its P away, thieves that borrow it. Whoever has the P is alone, what the one
// before wrote is seen, an M whose P was taken knows, and what is in runnext is got once.
#include "tests/model/shim.hpp"

#include "runtime/scheduler/detach.cpp"
#include "runtime/scheduler/steal.cpp"
#include "runtime/state/global_queue.cpp"
#include "runtime/state/run_queue.cpp"
#include "runtime/state/timer_heap.cpp"

namespace weft::detail {
constinit scheduler sched;
// A G has one; nobody arms it here.
timer_node::timer_node() noexcept : when_(0), key_(0) {}
}  // namespace weft::detail

namespace {

using namespace weft_model;
using namespace weft::detail;

struct enter_against_detach;
enter_against_detach* current;

// Thread 0 is the M, thread 1 sysmon.
struct enter_against_detach : scenario {
  explicit enter_against_detach(bool membarrier) {
    std::destroy_at(&sched);
    std::construct_at(&sched);
    sched.membarrier = membarrier;
    m.asked.begin_inside(!membarrier);
    m.asked.leave();
    m.p.store(&p);
    p.owner.store(&m);
    auto& e = explorer::get();
    e.make_private(&p.dispatches);
    e.make_private(&sched.counts.detached_declared);
    e.make_private(&sched.detached);
    e.make_private(&sched.hogs);
    e.make_private(&m.hog);
    e.make_private(&m.thread_id);
    current = this;
  }

  M m;
  P p;
  detacher taker;
  std::atomic<int> users{0};    // of the P
  std::atomic<int> written{0};  // by whoever has it; relaxed
  int uses = 0;
  bool taken = false;
  bool noticed = false;

  void use() {
    check(users.fetch_add(1) == 0, "two use the P at the same time");
    const int before = written.load(std::memory_order_relaxed);
    check(before == uses, "what the last user of the P wrote is not seen");
    written.store(before + 1, std::memory_order_relaxed);
    ++uses;
    users.fetch_sub(1);
  }

  // Sysmon has the P.
  virtual void handed() { use(); }

  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      for (int i = 0; i < 2 && !noticed; ++i) {
        enter_once();
      }
    } else {
      taker.add(&p, &m, detach_cause::declared);
      taken = taker.run() == 1;
    }
  }
  void enter_once() {
    if (!m.asked.enter() && m.asked.take() == request::detached) {
      noticed = true;
      m.asked.settle();
      m.asked.leave();
      return;
    }
    use();
    m.asked.leave();
  }
  void finish() override {
    check(!noticed || taken, "the M believes that its P was taken, but nobody has it");
    check(p.owner.load() == (taken ? nullptr : &m), "the P's owner is wrong");
    if (taken && !noticed) {
      check(m.asked.is_asked(), "the M will not notice that its P was taken");
    }
  }
};

struct with_membarrier : enter_against_detach {
  with_membarrier() : enter_against_detach(true) {}
};
struct with_fences : enter_against_detach {
  with_fences() : enter_against_detach(false) {}
};

// Thread 0 is the M: it makes a fiber ready in one entry and runs it in a later one. The others are
// thieves, but for the last one if Sysmon is set. Thefts and detaches succeed only while the M is
// outside.
template <int Thieves, bool Sysmon>
struct theft : enter_against_detach {
  explicit theft(bool membarrier) : enter_against_detach(membarrier) {
    auto& e = explorer::get();
    e.make_private(&m.p);
    e.make_private(&p.owner);
    e.make_private(&users);
    e.make_private(&written);
    if (Thieves == 1) {
      e.make_all_private(sched.borrower);
    }
  }
  G g;
  int got = 0;

  void get(const G* from) {
    if (from != nullptr) {
      check(from == &g, "nobody ever put that there");
      check(++got == 1, "a fiber was taken twice");
    }
  }
  int threads() const override { return 1 + Thieves + (Sysmon ? 1 : 0); }
  void run(int t) override {
    if (t == 0) {
      if (in()) {
        global_queue none;
        p.queue.push_next(&g, none);
        m.asked.leave();
      }
      if (in()) {
        get(p.queue.pop_next());
        m.asked.leave();
      }
    } else if (Sysmon && t == Thieves + 1) {
      taker.add(&p, &m, detach_cause::declared);
      taken = taker.run() == 1;
    } else {
      get(take_runnext(&p, 0));
    }
  }
  // False: the P is gone; it is with sysmon, and so is what was in its runnext.
  bool in() {
    if (noticed) {
      return false;
    }
    if (!m.asked.enter() && m.asked.take() == request::detached) {
      noticed = true;
      m.asked.settle();
      m.asked.leave();
      return false;
    }
    return true;
  }
  void handed() override { get(p.queue.pop_next()); }
  void finish() override { check(p.queue.next_empty(), "a fiber was left in runnext"); }
};

struct one_thief : theft<1, false> {
  one_thief() : theft(true) {}
};
struct one_thief_with_fences : theft<1, false> {
  one_thief_with_fences() : theft(false) {}
};
struct two_thieves : theft<2, false> {
  two_thieves() : theft(true) {}
};
struct thief_and_sysmon : theft<1, true> {
  thief_and_sysmon() : theft(true) {}
};

}  // namespace

namespace weft::detail {

void disown(P* p) noexcept { p->owner.store(nullptr); }
void warn(std::string_view) noexcept {}
void hand_off(P*) noexcept { current->handed(); }
void check_failed(const char* condition, const char*, int) noexcept {
  explorer::get().fail(condition);
}

}  // namespace weft::detail

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<with_membarrier>("detach: membarrier", {.preemptions = 4, .store_buffers = true});
  models.holds<with_fences>("detach: fences", {.preemptions = 4, .store_buffers = true});
  models.holds<one_thief>("detach: a thief, membarrier", {.preemptions = 3, .store_buffers = true});
  models.holds<one_thief_with_fences>("detach: a thief, fences",
                                      {.preemptions = 3, .store_buffers = true});
  models.holds<two_thieves>("detach: two thieves", {.preemptions = 2, .store_buffers = true});
  models.holds<thief_and_sysmon>("detach: a thief and sysmon",
                                 {.preemptions = 2, .store_buffers = true});
  return models.result();
}
