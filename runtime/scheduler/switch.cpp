// From fiber to fiber: the direct switch, the first run, and the handing on of a dead fiber's
// stack.
//
// A fiber that parks picks its successor itself and jumps; what makes it visible to others (its
// commit) runs after the jump, on the successor's stack. A fiber that ends does not switch at all
// if its successor has not started: it lends it its stack, still warm. in_rt stays 1 across a
// jump: both ends are inside the runtime.
#include <utility>

#include "runtime/fiber/foot.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

void no_commit(void*, M*) noexcept {}

// A dead fiber's stack goes back once nobody runs on it. The G is gone by then, so the context of
// its last jump is kept in the M.
void return_stack(void* dead, M* m) noexcept {
  retire_context(&m->last_context);
  stack* const s = static_cast<stack*>(dead);
  if (m->last_stack_is_single) {
    stack_depot::unmap_single(s);
  } else {
    m->p.load(std::memory_order_relaxed)->stacks.put(s);
  }
}

// Leaves for good the stack that `dead` describes.
[[noreturn]] void leave_stack(M* m, G* next, stack* dead, bool single) noexcept {
  m->last_stack_is_single = single;
  m->commit = return_stack;
  m->commit_arg = dead;
  m->running = nullptr;
  jump(m, &m->last_context, next != nullptr ? take_up(m, next) : &m->g0, true);
  __builtin_unreachable();
}

// Runs one fiber after the other for as long as the next one has not started either. Not noexcept:
// an exception that nobody catches is to reach the foot of the stack in the search for a handler.
[[noreturn]] void fiber_main(M* m) {
  for (;;) {
    G* const g = m->running;
    m->leave();
    run_body(g);
    m = enter();
    stack* const own = g->bound;
    const bool single = g->own_stack_size;
#if defined(WEFT_SANITIZE_THREAD)
    void* const tsan_fiber = g->ctx.tsan_fiber;
#endif
    g->bound = nullptr;
    g->ctx.fctx = nullptr;
    finish_fiber(m, g);  // g may be someone else's fiber from here on
    G* next = pick(m);
    if (m->locked != nullptr) [[unlikely]] {
      end_locked(m);
      next = return_next(m, next);
    }
    if (next == nullptr || single || next->bound != nullptr) {
#if defined(WEFT_SANITIZE_THREAD)
      m->last_context.tsan_fiber = tsan_fiber;
#endif
      leave_stack(m, next, own, single);
    }
    next->bound = own;
    next->ctx.exceptions = {};
    next->ctx.fctx = own;  // anything but null: started. The first park stores the real one.
#if defined(WEFT_SANITIZE_THREAD)
    next->ctx.tsan_fiber = tsan_fiber;
#endif
    take_up(m, next);
  }
}

}  // namespace

// Cannot fail: a fiber's reservation guarantees it a stack.
context* take_up_unready(M* m, G* g) noexcept {
  if (g->home != nullptr) {
    return divert(m, g);
  }
  if (g->bound == nullptr) {
    stack_cache& stacks = m->p.load(std::memory_order_relaxed)->stacks;
    if (stacks.empty() && m->running != nullptr) {
      // New stacks are dozens of page faults. The fiber that leaves may hold its object's lock
      // until its commit has run, and others spin for that: let g0 run the commit, and then g.
      m->unplaced = g;
      m->running = nullptr;
      return &m->g0;
    }
    g->bound = stacks.get();
  }
  prepare_context(&g->ctx, g->bound->limit, g->bound->top, fiber_foot);
  m->running = g;
  g->status.store(g_status::running, std::memory_order_relaxed);
  return &g->ctx;
}

G* leave_unusual(M* m, G* next) noexcept {
  if (m->watched) {
    sched.on_switch(m->running);
  }
  return m->locked != nullptr ? return_next(m, next) : next;
}

void execute(M* m, G* g) noexcept {
  do {
    m->commit = no_commit;
    if (g->home != nullptr) [[unlikely]] {
      g->ctx.fctx = std::exchange(g->home_fctx, nullptr);
    }
    jump(m, &m->g0, take_up(m, g));
    if (G* const locked = m->locked; locked != nullptr) [[unlikely]] {
      locked->home_fctx = std::exchange(locked->ctx.fctx, nullptr);
    }
    m->commit(m->commit_arg, m);
    // Who was picked already has the turn before those that the commit has readied. If they came
    // first, two fibers that wake each other by their commits could keep him waiting for ever.
    if (G* const returned = std::exchange(m->returned, nullptr); returned != nullptr) [[unlikely]] {
      m->p.load(std::memory_order_relaxed)->queue.push_next(returned, sched.global);
    }
    g = std::exchange(m->unplaced, nullptr);
  } while (g != nullptr);
  if (m->diverted != nullptr) [[unlikely]] {
    hand_to_home(m, std::exchange(m->diverted, nullptr));
  }
}

M* run_child(M* m, G* child) noexcept {
  G* const parent = m->running;
  parent->point = nullptr;  // it is the child that can be unwound
  parent->reason = wait_reason::join;
  parent->waiting_since = sched.coarse_now.load(std::memory_order_relaxed);
  parent->ctx.fctx = nullptr;  // its frames lie under the child's: nothing to resume
  parent->status.store(g_status::waiting, std::memory_order_relaxed);
  if (m->unusual) [[unlikely]] {
    leave_unusual(m, nullptr);
  }
  child->bound = parent->bound;
  child->ctx.exceptions = {};
  child->ctx.fctx = parent->bound;  // anything but null: started
#if defined(WEFT_SANITIZE_THREAD)
  child->ctx.tsan_fiber = parent->ctx.tsan_fiber;
#endif
  take_up(m, child);
  m->leave();
  run_body(child);
  m = enter();
  child->bound = nullptr;
  child->ctx.fctx = nullptr;
  if (m->locked != nullptr) [[unlikely]] {
    end_locked(m);
  }
  finish_fiber(m, child);
  m->running = parent;
  parent->ctx.fctx = parent->bound;  // anything but null, again
  parent->status.store(g_status::running, std::memory_order_relaxed);
  return m;
}

}  // namespace weft::detail

extern "C" [[gnu::used]] void weft_fiber_entry(boost::context::detail::transfer_t from) {
  using namespace weft::detail;
  auto* const s = static_cast<switcher*>(from.data);
  arrived(s, from.fctx, nullptr);
  M* const m = static_cast<M*>(s);
  m->commit(m->commit_arg, m);
  fiber_main(m);
}
