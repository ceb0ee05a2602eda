// The real marks and the real detacher: an M that enters and leaves, sysmon that takes its P away.
// Whoever has the P is alone, what the one before wrote is seen, and an M whose P was taken knows.
#include "tests/model/shim.hpp"

#include "runtime/scheduler/detach.cpp"
#include "runtime/state/timer_heap.cpp"

namespace weft::detail {
constinit scheduler sched;
}

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

}  // namespace

namespace weft::detail {

void disown(P* p) noexcept { p->owner.store(nullptr); }
void hand_off(P*) noexcept { current->use(); }
void check_failed(const char* condition, const char*, int) noexcept {
  explorer::get().fail(condition);
}

}  // namespace weft::detail

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<with_membarrier>("detach: membarrier", {.preemptions = 4, .store_buffers = true});
  models.holds<with_fences>("detach: fences", {.preemptions = 4, .store_buffers = true});
  return models.result();
}
