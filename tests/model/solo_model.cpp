// The real solo.hpp and solo.cpp, over the real marks: an M whose entry takes an object's lock, and
// plain threads that come for the same lock. Held by one at a time, also while solo ends or begins.
#include "tests/model/shim.hpp"

// solo.cpp's mutex, as far as it is needed.
namespace std {
class model_mutex {
 public:
  constexpr model_mutex() noexcept = default;
  void lock() {
    weft_model::explorer::get().block(
        "mutex::lock", [](void* held) { return !*static_cast<bool*>(held); }, &held_, false);
    held_ = true;
    weft_model::explorer::get().wrote();
  }
  void unlock() {
    auto& e = weft_model::explorer::get();
    e.point("mutex::unlock", &held_);
    e.drain_own();
    held_ = false;
    e.wrote();
  }

 private:
  bool held_ = false;
};
}  // namespace std
#define mutex model_mutex

#include "runtime/scheduler/detach.cpp"
#include "runtime/scheduler/solo.cpp"
#include "runtime/state/timer_heap.cpp"

namespace weft::detail {
constinit scheduler sched;
timer_node::timer_node() noexcept : when_(0), key_(0) {}
}  // namespace weft::detail

namespace {

using namespace weft_model;
using namespace weft::detail;

struct entry_and_outsiders;
entry_and_outsiders* current;

// Thread 0 is the M, the others are plain threads.
struct entry_and_outsiders : scenario {
  entry_and_outsiders(bool alone, int outsiders) : plain_threads(outsiders) {
    std::destroy_at(&sched);
    std::construct_at(&sched);
    std::destroy_at(&solo);
    std::construct_at(&solo);
    std::destroy_at(&changing);
    std::construct_at(&changing);
    solo.now.store(alone);
    sched.membarrier = true;
    sched.state.store(phase::running);
    m.asked.begin_inside(false);
    m.asked.leave();
    m.p.store(&p);
    p.owner.store(&m);
    auto& e = explorer::get();
    for (const void* object :
         {static_cast<const void*>(&p.dispatches), static_cast<const void*>(&p.owner),
          static_cast<const void*>(&sched.counts.detached_declared),
          static_cast<const void*>(&sched.detached), static_cast<const void*>(&sched.hogs),
          static_cast<const void*>(&sched.state), static_cast<const void*>(&m.hog),
          static_cast<const void*>(&m.p), static_cast<const void*>(&m.thread_id)}) {
      e.make_private(object);
    }
    current = this;
  }

  const int plain_threads;
  M m;
  P p;
  detacher taker;
  lock guard;
  bool busy = false;
  std::atomic<int> step{0};
  bool through = false;  // the M
  bool held = false;
  bool outsider_inside = false;

  // With the lock, or so we hope.
  void use() {
    check(!busy, "two hold the lock at the same time");
    busy = true;
    step.load(std::memory_order_relaxed);
    busy = false;
  }

  virtual void before_entry() {}
  int threads() const override { return 1 + plain_threads; }
  void run(int t) override {
    if (t == 0) {
      before_entry();
      in();
      check(!outsider_inside || !solo.now.load(std::memory_order_relaxed),
            "solo, and a plain thread is in an entry");
      acquire_object(guard);
      use();
      guard.release();
      m.asked.leave();
      through = true;
      explorer::get().wrote();
    } else {
      come_from_outside();
      outsider_inside = true;
      acquire_object(guard);
      use();
      guard.release();
    }
  }
  // ENTER, and what follows if the P is gone: the M waits until it is given it again.
  void in() {
    if (!m.asked.enter() && m.asked.take() == request::detached) {
      explorer::get().block(
          "the world is held", [](void* held) { return !*static_cast<bool*>(held); }, &held, false);
      m.asked.settle();
      m.p.store(&p);
      p.owner.store(&m);
    }
  }

  // What sysmon does for a world_hold.
  void hold_world() {
    held = true;
    for (;;) {
      taker.add(&p, &m, detach_cause::world);
      if (taker.run() == 1) {
        return;
      }
      explorer::get().block(
          "the M is inside", [](void* is_through) { return *static_cast<bool*>(is_through); },
          &through, false);
    }
  }
  void resume_world() {
    explorer::get().drain_own();
    held = false;
    explorer::get().wrote();
  }
};

template <int Outsiders>
struct solo_ends : entry_and_outsiders {
  solo_ends() : entry_and_outsiders(true, Outsiders) {}
};

// A thread may be inside a channel, or on its way there, while the runtime starts.
struct solo_begins : entry_and_outsiders {
  solo_begins() : entry_and_outsiders(false, 1) {}
  void before_entry() override { begin_solo(); }
};

}  // namespace

namespace weft::detail {

world_hold::world_hold() : held_(true) { current->hold_world(); }
world_hold::~world_hold() { current->resume_world(); }
M* current_m() noexcept { return nullptr; }
G* current_stand_in() { return nullptr; }
void disown(P* p) noexcept { p->owner.store(nullptr); }
void warn(std::string_view) noexcept {}
void hand_off(P*) noexcept {}
void check_failed(const char* condition, const char*, int) noexcept {
  explorer::get().fail(condition);
}

}  // namespace weft::detail

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<solo_ends<1>>("solo: ends", {.preemptions = 3, .store_buffers = true});
  models.holds<solo_ends<2>>("solo: ends, two come", {.preemptions = 2});
  models.holds<solo_begins>("solo: begins", {.preemptions = 3, .store_buffers = true});
  return models.result();
}
