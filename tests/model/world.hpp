// The scheduler's real sources in one translation unit. Each M's g0 is a model thread and each
// fiber is one; a jump hands the M over (shim_world/runtime/fiber/context.hpp).
//
// Not the real thing: execute() and the start and end of a fiber's stack (switch.cpp), which are
// repeated here without stacks; lifecycle.cpp, shutdown.cpp and sysmon.cpp, which are absent.
#pragma once

#include "tests/model/shim.hpp"

#define WEFT_RUN_QUEUE_CAPACITY 4
#include "runtime/scheduler/detach.cpp"
#include "runtime/scheduler/hand_off.cpp"
#include "runtime/scheduler/lock_thread.cpp"
#include "runtime/scheduler/park.cpp"
#include "runtime/scheduler/scheduler.cpp"
#include "runtime/scheduler/spawn.cpp"
#include "runtime/scheduler/steal.cpp"
#include "runtime/scheduler/withdraw.cpp"
#include "runtime/scheduler/worker.cpp"
#include "runtime/state/g_pool.cpp"
#include "runtime/state/global_queue.cpp"
#include "runtime/state/run_queue.cpp"
#include "runtime/state/timer_heap.cpp"
#include "runtime/state/timers.cpp"

namespace weft_model {

using namespace weft::detail;

inline std::array<G*, 16> stand_in_of;
inline void no_commit(void*, M*) noexcept {}
// An exception seems to be under way, so that no joiner runs its child on its own stack.
inline int exception_under_way;
inline exception_state handling{&exception_under_way, 0};
inline stack model_stack;

// `ms` Ms with their Ps, then fibers, then plain threads: in this order the model's threads.
struct world : scenario {
  std::array<M, 3> ms;
  std::array<std::unique_ptr<P>, 3> ps;
  std::array<G, 4> gs;
  std::array<G, 3> stand_ins;
  std::array<bool, 4> ended{};
  int m_count;
  int fiber_count;
  int plain_count;

  world(int m, int fibers, int plain) : m_count(m), fiber_count(fibers), plain_count(plain) {
    std::destroy_at(&sched);
    std::construct_at(&sched);
    sched.state.store(phase::running);
    sched.proc_count.store(m);
    sched.made_ps.store(m);
    sched.global.reserve(8);
    model_switcher_of.fill(nullptr);
    stand_in_of.fill(nullptr);
    for (std::size_t i = 0; i < static_cast<std::size_t>(m); ++i) {
      ps[i] = std::make_unique<P>();
      ps[i]->index = static_cast<int>(i);
      ps[i]->queue.share();
      ps[i]->owner.store(&ms[i]);
      ms[i].p.store(ps[i].get());
      ms[i].number = static_cast<int>(i);
      ms[i].asked.begin_inside(false);
      ms[i].thread_exceptions = &handling;
      sched.all_ps[i].store(ps[i].get());
      model_switcher_of[i] = &ms[i];
      hide(ms[i], *ps[i]);
    }
    for (G& g : gs) {
      g.bound = &model_stack;
      g.ctx.fctx = &g;
      g.ctx.complete = true;
      g.ctx.thread = m + static_cast<int>(&g - gs.data());
      explorer::get().make_private(&g.status);
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(plain); ++i) {
      stand_ins[i].is_thread = true;
      stand_in_of[static_cast<std::size_t>(m + fibers) + i] = &stand_ins[i];
    }
  }
  ~world() override { sched.global.release(); }

  // The owner's own, or hints that only sysmon acts on.
  void hide(M& m, P& p) {
    for (const void* object :
         {static_cast<const void*>(&sched.at_rest), static_cast<const void*>(&p.owner),
          static_cast<const void*>(&m.p), static_cast<const void*>(&p.tick),
          static_cast<const void*>(&p.dispatches), static_cast<const void*>(&p.quiet),
          static_cast<const void*>(&sched.state), static_cast<const void*>(&sched.proc_count),
          static_cast<const void*>(&sched.made_ps), static_cast<const void*>(&solo.now),
          static_cast<const void*>(&solo.outsiders)}) {
      explorer::get().make_private(object);
    }
    explorer::get().make_all_private(m.asked);
    explorer::get().make_private(&m.exiting);
    for (const auto& at : sched.all_ps) {
      explorer::get().make_private(&at);
      if (&at - sched.all_ps.data() == 3) {
        break;
      }
    }
  }

  virtual void on_g0(int /*i*/) {}
  virtual void fiber(int /*i*/) {}
  virtual void plain(int /*i*/) {}

  predicate begins_when(int t, void** arg) override {
    if (t < m_count || t >= m_count + fiber_count) {
      return nullptr;
    }
    *arg = &g_at(t - m_count)->ctx;
    return model_was_given;
  }
  int threads() const override { return m_count + fiber_count + plain_count; }
  bool may_rest(int t) override {
    return t < m_count ||  // an M without work
           (t < m_count + fiber_count && ended[static_cast<std::size_t>(t - m_count)]);
  }

  void run(int t) override {
    if (t < m_count) {
      on_g0(t);
    } else if (t < m_count + fiber_count) {
      run_fiber(t - m_count);
    } else {
      plain(t - m_count - fiber_count);
    }
  }

  M* m_at(int i) { return &ms[static_cast<std::size_t>(i)]; }
  P* p_at(int i) { return ps[static_cast<std::size_t>(i)].get(); }
  G* g_at(int i) { return &gs[static_cast<std::size_t>(i)]; }

  // Puts a fiber on the queue of M i, before the start.
  void start_on(int i, G* g) { p_at(i)->queue.push_back(g, sched.global); }

  // An M's own loop, without idling: runs what its queue has. `timers`: and the timers of all Ps as
  // soon as one is armed; their time may always have come.
  void serve(M* m, bool timers = false) {
    auto& e = explorer::get();
    for (;;) {
      e.block(timers ? "no timer and an empty queue" : "an empty queue",
              timers ? has_work_or_timer : has_work, m, true);
      if (e.quietly([m] { return !has_work(m); })) {
        run_all_timers();
      } else if (G* g = pick_anywhere(m); g != nullptr) {
        execute(m, g);
      }
    }
  }

  static constexpr std::int64_t soon = 1'000'100;  // a deadline

 private:
  static bool has_work(void* m) {
    return explorer::get().quietly([m] {
      P* const p = static_cast<M*>(m)->p.load();
      return !p->queue.next_empty() || !p->queue.ring_empty();
    });
  }
  static bool has_work_or_timer(void* m) {
    return has_work(m) || explorer::get().quietly([] {
      for (int i = 0; i < sched.proc_count.load(); ++i) {
        if (sched.p_at(i)->timers.next() != timer_heap::no_time) {
          return true;
        }
      }
      return false;
    });
  }
  static void run_all_timers() {
    auto& e = explorer::get();
    e.now = soon + 100;
    for (int i = 0; i < sched.proc_count.load(); ++i) {
      if (sched.p_at(i)->timers.next() <= e.now) {
        sched.p_at(i)->timers.run_due(e.now);
      }
    }
  }

  void run_fiber(int i) {
    auto* m = static_cast<M*>(model_wait_for_jump(&g_at(i)->ctx));
    m->commit(m->commit_arg, m);
    m->leave();
    fiber(i);
    m = enter();
    finish_fiber(m, g_at(i));
    m->commit = no_commit;
    m->running = nullptr;
    ended[static_cast<std::size_t>(i)] = true;
    jump(m, &m->last_context, &m->g0);
  }
};

}  // namespace weft_model

namespace weft::detail {

M* current_m() noexcept {
  const int t = weft_model::explorer::get().thread();
  return t < 0 ? nullptr : static_cast<M*>(model_switcher_of[static_cast<std::size_t>(t)]);
}
void set_current_m(M*) noexcept {}
G* current_stand_in() {
  return weft_model::stand_in_of[static_cast<std::size_t>(weft_model::explorer::get().thread())];
}

void execute(M* m, G* g) noexcept {
  m->commit = weft_model::no_commit;
  jump(m, &m->g0, take_up(m, g));
  m->commit(m->commit_arg, m);
}

// Not reached by the models, or of no effect in them.
constinit solo_words solo;
void end_solo_for_good() noexcept {}
void warn(std::string_view) noexcept {}
context* take_up_unready(M*, G*) noexcept { std::abort(); }
M* run_child(M*, G*) noexcept { std::abort(); }
G* leave_unusual(M*, G*) noexcept { std::abort(); }
timer_heap& outside_timer_heap() noexcept { return sched.p_at(0)->timers; }
void begin_outside_timer() {}
void end_outside_timer() noexcept {}
void outside_timer_is_first() noexcept {}
void ensure_started() {}
void wake_sysmon() noexcept {}
void nudge_sysmon() noexcept {}
void check_deadlock() noexcept {}
void plain_thread_waits() noexcept {}
void wake_plain_thread(G* g) noexcept { g->sleep.wake(); }
bool retire_p(P*, M*) noexcept { std::abort(); }
alternate_stack::alternate_stack() noexcept = default;
alternate_stack::~alternate_stack() = default;
void fail_forked() noexcept { std::abort(); }
void fatal(const char* what) noexcept { weft_model::explorer::get().fail(what); }
void check_failed(const char* condition, const char*, int) noexcept {
  weft_model::explorer::get().fail(condition);
}

}  // namespace weft::detail
