// The real park.cpp, timers and entry marks: a wait that a waker, a deadline and stop() want to end
// is ended by one of them, resumed once and not before its commit is through, and nobody touches
// its frame afterwards.
#include "tests/model/world.hpp"

namespace {

using namespace weft_model;

constexpr std::int64_t deadline = world::soon;

bool dead_cancel(cancel_point*, wait_outcome) noexcept {
  check(false, "cancelled a wait that was over");
  return false;
}

// What returning from the waiting function does to its frame.
void bury(waiter& w) {
  w.cancel = dead_cancel;
  w.guard = nullptr;
  w.queue = nullptr;
  w.g = nullptr;
}

struct guarded_queue {
  lock guard;
  wait_queue queue;
  bool popped = false;
  bool begun = false;  // the wait has: it stands in line, or has left the line
  bool destroy = false;

  // Afterwards nobody waits here any more, and nobody will: what holds this may be freed.
  void wake() {
    guard.acquire();
    const bool last = begun;
    waiter* const w = queue.pop_front();
    G* const g = w != nullptr ? w->g : nullptr;
    guard.release();
    if (g != nullptr) {
      popped = true;
      ready(g);
    }
    if (destroy && last) {
      explorer::get().make_dead(guard);
    }
  }
};

// Fiber 0 waits with a deadline on M 0; M 1 wakes it, M 2 runs M 0's timers.
struct timed_wait : world {
  guarded_queue q;
  std::unique_ptr<waiter> frame = std::make_unique<waiter>();
  int waits = 0;

  timed_wait() : world(3, 1, 0) { start_on(0, g_at(0)); }

  void wait_once() {
    enter();
    q.guard.acquire();
    q.begun = true;
    const wait_outcome outcome = weft::detail::wait(
        q.queue, q.guard, *frame, {.reason = wait_reason::mutex, .deadline = deadline});
    leave();
    check(outcome == (q.popped ? wait_outcome::woken : wait_outcome::timed_out),
          "the outcome is not the winner's");
    bury(*frame);
    ++waits;
  }
  void fiber(int) override { wait_once(); }
  void on_g0(int i) override {
    if (i == 1) {
      q.wake();
    }
    serve(m_at(i), i == 2);
  }
  void finish() override { check(waits == 1, "the fiber waits for ever"); }
};

// The waker frees the object as soon as it has woken the fiber, which may be before its deadline's
// fire() has looked at the object's lock.
struct destroying_waker : timed_wait {
  destroying_waker() { q.destroy = true; }
};

// The waker takes the fiber off the queue and puts it back: its deadline still holds.
struct put_back : timed_wait {
  void on_g0(int i) override {
    if (i == 1) {
      q.guard.acquire();
      if (waiter* const w = q.queue.pop_undecided(); w != nullptr) {
        q.queue.push_front(w);
      }
      q.guard.release();
    }
    serve(m_at(i), i == 2);
  }
};

// The world is at rest but for a plain thread, which wakes the fiber and destroys what it waited
// for; another plain thread is stop(), which wants to end that wait.
struct destroying_waker_at_stop : world {
  guarded_queue q;
  waiter frame;
  int ended = 0;
  bool scanned = false;

  destroying_waker_at_stop() : world(1, 1, 2) {
    q.destroy = true;
    start_on(0, g_at(0));
  }
  void fiber(int) override {
    enter();
    q.guard.acquire();
    q.begun = true;
    weft::detail::wait(q.queue, q.guard, frame, {.reason = wait_reason::condition_variable});
    leave();
    ++ended;
  }
  void on_g0(int) override {
    M* const m = m_at(0);
    execute(m, pick_anywhere(m));
    sched.state.store(phase::stopping);
    explorer::get().block(
        "the end of stop's rest",
        [](void* self) {
          return explorer::get().quietly([self] {
            return static_cast<destroying_waker_at_stop*>(self)->scanned && !sched.global.empty();
          });
        },
        this, true);
    execute(m, pick_anywhere(m));
  }
  predicate begins_when(int t, void** arg) override {
    if (t < 2) {
      return world::begins_when(t, arg);
    }
    *arg = &q;
    return [](void* queue) {
      auto* const of = static_cast<guarded_queue*>(queue);
      return of->begun && !of->guard.is_held();  // it is parked
    };
  }
  void plain(int i) override {
    if (i == 0) {
      q.wake();
      return;
    }
    // unwind_fiber() of runtime/scheduler/shutdown.cpp
    G* const g = g_at(0);
    sched.scan.acquire();
    if (g->status.load() == g_status::waiting &&
        g->point->cancel(g->point, wait_outcome::unwound)) {
      g->status.store(g_status::runnable);
      submit_from_outside(g);
    }
    sched.scan.release();
    scanned = true;
  }
  void finish() override { check(ended == 1, "the fiber waits for ever"); }
};

// The dispatch that looks at the timers comes while a fiber parks, with its object's lock held.
struct look_while_parking : timed_wait {
  look_while_parking() { ps[0]->look_at = 2; }
};

// park() with a deadline: a commit of its own, twice in a row.
struct timed_park : world {
  std::atomic<G*> published{nullptr};
  int resumed = 0;
  struct point : cancel_point {
    timed_park* owner;
    bool alive;
  } waits[2];

  timed_park() : world(3, 1, 0) { start_on(0, g_at(0)); }

  G* claim() { return published.exchange(nullptr); }
  static void publish(void* arg) noexcept {
    auto* const self = static_cast<timed_park*>(arg);
    self->published.store(&self->gs[0]);
  }
  static bool cancel(cancel_point* c, wait_outcome) noexcept {
    auto* const p = static_cast<point*>(c);
    check(p->alive, "cancelled a wait that was over");
    return p->owner->claim() != nullptr;
  }
  [[gnu::noinline]] static void reuse_stack() {
    volatile char junk[512];
    for (volatile char& c : junk) {
      c = 0;
    }
  }
  void fiber(int) override {
    for (point& p : waits) {
      p.cancel = cancel;
      p.owner = this;
      p.alive = true;
      enter();
      check(published.load() == nullptr, "still published");
      park(publish, this, &p, {.reason = wait_reason::mutex, .deadline = deadline + resumed * 10});
      leave();
      reuse_stack();
      p.alive = false;
      ++resumed;
    }
  }
  void on_g0(int i) override {
    if (i == 1) {
      if (G* g = claim(); g != nullptr) {
        ready(g);
      }
    }
    serve(m_at(i), i == 2);
  }
  void finish() override { check(resumed == 2, "the fiber waits for ever"); }
};

// A plain thread waits with a deadline; another wakes it; a third is stop().
struct thread_wait : world {
  guarded_queue q;
  std::unique_ptr<waiter> frame = std::make_unique<waiter>();
  int cancelled = 0;
  int ended = 0;
  thread_wait() : world(0, 0, 1) {}
  int threads() const override { return 3; }
  bool may_rest(int) override { return false; }
  void run(int t) override {
    if (t == 0) {
      q.guard.acquire();
      q.begun = true;
      const wait_outcome outcome = weft::detail::wait(
          q.queue, q.guard, *frame, {.reason = wait_reason::mutex, .deadline = deadline});
      check(outcome == (q.popped    ? wait_outcome::woken
                        : cancelled ? wait_outcome::unwound
                                    : wait_outcome::timed_out),
            "the outcome is not the winner's");
      bury(*frame);
      ++ended;
      check(!stand_ins[0].sleep.is_signalled(), "a wake is left over");
    } else if (t == 1) {
      q.wake();
    } else {
      // unwind_thread() of runtime/scheduler/shutdown.cpp
      G* const g = &stand_ins[0];
      g->scan_guard.acquire();
      const bool won =
          g->point != nullptr && !g->patient && g->point->cancel(g->point, wait_outcome::unwound);
      cancelled += won ? 1 : 0;
      g->scan_guard.release();
      if (won) {
        ready(g);
      }
    }
  }
  void finish() override { check(ended == 1, "the thread waits for ever"); }
};

struct destroying_waker_of_thread : thread_wait {
  destroying_waker_of_thread() { q.destroy = true; }
};

}  // namespace

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<timed_wait>("park: wait, waker, deadline", {.preemptions = 2});
  models.holds<destroying_waker>("park: the waker destroys what was waited for",
                                 {.preemptions = 2});
  models.holds<put_back>("park: taken, put back, deadline", {.preemptions = 2});
  models.holds<destroying_waker_at_stop>("park: the waker destroys while stop() scans",
                                         {.preemptions = 3});
  models.holds<look_while_parking>("park: the timers are looked at meanwhile", {.preemptions = 2});
  models.holds<timed_park>("park: park() twice, waker, deadline", {.preemptions = 2});
  models.holds<thread_wait>("park: a plain thread's wait", {.preemptions = 2});
  models.holds<destroying_waker_of_thread>("park: the same with a plain thread",
                                           {.preemptions = 2});
  return models.result();
}
