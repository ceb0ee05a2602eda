// Starting and ending fibers.
//
// join_ of a spawned fiber's G: 0 while it runs, the joiner's G while one waits, `done` from its
// end on. One exchange by the fiber, one compare-and-swap by the joiner; whoever comes second
// acts. After the exchange the G belongs to its handle.
//
//   join_   the ending fiber: exchange acq_rel; joiner: CAS acq_rel, load acquire. The results
//           that the fiber wrote are seen by who sees `done`.
#include <cstring>
#include <new>

#include "runtime/fiber/foot.hpp"
#include "runtime/scheduler/report.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "weft/go.hpp"

namespace weft::detail {

namespace {

constexpr std::uintptr_t done = 1;

void* closure_memory(G* g, std::size_t size, std::size_t align) {
  if (size <= sizeof g->near && align <= alignof(void*)) {
    g->place = closure_place::near;
  } else if (size <= inline_closure_size && align <= alignof(std::max_align_t)) {
    g->place = closure_place::aligned;
  } else {
    void* const memory = ::operator new(size, std::align_val_t(align));
    g->place = closure_place::heap;
    g->closure_align = static_cast<std::uint32_t>(align);
    std::memcpy(g->near, &memory, sizeof memory);
  }
  return g->closure();
}

void free_closure(G* g) noexcept {
  if (g->place == closure_place::heap) {
    ::operator delete(g->closure(), std::align_val_t(g->closure_align));
  }
  g->place = closure_place::near;
}

// The record of a fiber that left no trace goes back: to the P's cache, or to the pool.
void recycle(M* m, G* g) noexcept {
  g->status.store(g_status::idle, std::memory_order_relaxed);
  if (m != nullptr) {
    m->p.load(std::memory_order_relaxed)->records.put(g, sched.pool);
  } else {
    sched.pool.give(&g, 1);
  }
}

// On a plain thread, between begin_outside_call() and end_outside_call().
G* take_record_outside() {
  G* g = nullptr;
  sched.pool.take(&g, 1);
  g->id = sched.pool.take_ids(1);
  return g;
}

G* take_record(M* m) {
  P* const p = m->p.load(std::memory_order_relaxed);
  try {
    G* const g = p->records.get(sched.pool);
    g->id = p->records.next_id(sched.pool);
    return g;
  } catch (...) {
    m->leave();
    throw;
  }
}

void make_runnable(M* m, G* g) noexcept {
  g->status.store(g_status::runnable, std::memory_order_relaxed);
  P* const p = m->p.load(std::memory_order_relaxed);
  p->queue.push_next(g, sched.global);
  announce(m, true);
}

struct join_point : cancel_point {
  G* target;
  G* joiner;
  bool unwound = false;
};

void publish_joiner(void* arg) noexcept {
  auto* const point = static_cast<join_point*>(arg);
  G* const joiner = point->joiner;
  std::uintptr_t still_running = 0;
  if (!point->target->join_.compare_exchange_strong(
          still_running, reinterpret_cast<std::uintptr_t>(joiner), std::memory_order_acq_rel)) {
    ready(joiner);
  }
}

bool cancel_join(cancel_point* c, wait_outcome) noexcept {
  auto* const point = static_cast<join_point*>(c);
  auto joiner = reinterpret_cast<std::uintptr_t>(point->joiner);
  point->unwound =
      point->target->join_.compare_exchange_strong(joiner, 0, std::memory_order_acq_rel);
  return point->unwound;
}

}  // namespace

fiber_slot new_fiber(const fiber_options* options, std::size_t size, std::size_t align) {
  const bool outside = current_m() == nullptr;
  if (outside) {
    begin_outside_call();  // until start_fiber() or discard_fiber(): stop() waits for the record
  }
  stack* single = nullptr;
  G* g = nullptr;
  void* memory = nullptr;
  try {
    if (options != nullptr && options->stack_size != 0) {
      single = stack_depot::map_single(options->stack_size);
    }
    if (M* const m = enter_scheduler(); m != nullptr) {
      g = take_record(m);
      m->leave();
    } else {
      g = take_record_outside();
    }
    g->set_start_site(__builtin_return_address(0));
    g->bound = single;
    g->own_stack_size = single != nullptr;
    g->no_preempt = options != nullptr && !options->preempt;
    memory = closure_memory(g, size, align);
    if (options != nullptr && !options->name.empty()) {
      g->name = new std::string(options->name.substr(0, 63));
      g->has_more = true;
    }
  } catch (...) {
    if (g != nullptr) {
      discard_fiber(g);
    } else {
      if (single != nullptr) {
        stack_depot::unmap_single(single);
      }
      if (outside) {
        end_outside_call();
      }
    }
    throw;
  }
  return {g, memory};
}

void discard_fiber(G* g) noexcept {
  free_closure(g);
  delete std::exchange(g->name, nullptr);
  if (stack* const single = std::exchange(g->bound, nullptr); single != nullptr) {
    stack_depot::unmap_single(single);
  }
  g->own_stack_size = false;
  g->no_preempt = false;
  g->has_more = false;
  if (M* const m = enter_scheduler(); m != nullptr) {
    recycle(m, g);
    m->leave();
  } else {
    recycle(nullptr, g);
    end_outside_call();
  }
}

void start_fiber(G* g, entry_fn body, bool joinable) noexcept {
  g->body = body;
  g->joinable = joinable;
  g->join_.store(0, std::memory_order_relaxed);
  if (M* const m = enter_scheduler(); m != nullptr) {
    make_runnable(m, g);
    m->leave();
  } else {
    g->status.store(g_status::runnable, std::memory_order_release);  // to dumps: see g.hpp
    make_runnable_from_outside(g);
    end_outside_call();
  }
}

void go_words(entry_fn body, const std::uint64_t* closure, std::size_t words) {
  M* const m = enter_scheduler();
  G* g = nullptr;
  if (m != nullptr) {
    g = take_record(m);
  } else {
    begin_outside_call();
    try {
      g = take_record_outside();
    } catch (...) {
      end_outside_call();
      throw;
    }
  }
  g->set_start_site(__builtin_return_address(0));
  g->body = body;
  g->joinable = false;
  g->place = words == 1 ? closure_place::near : closure_place::aligned;
  auto* to = words == 1 ? g->near : g->aligned;
  for (std::size_t i = 0; i < words; ++i, to += sizeof *closure) {
    std::memcpy(to, &closure[i], sizeof *closure);
  }
  if (m != nullptr) {
    make_runnable(m, g);
    m->leave();
  } else {
    g->status.store(g_status::runnable, std::memory_order_release);  // to dumps: see g.hpp
    make_runnable_from_outside(g);
    end_outside_call();
  }
}

bool spawn_from_runtime(void (*body)(void*), void* arg) noexcept {
  M* const m = current_m();
  try {
    P* const p = m->p.load(std::memory_order_relaxed);
    G* const g = p->records.get(sched.pool);
    g->id = p->records.next_id(sched.pool);
    g->started_at = 0;  // by a timer
    g->body = body;
    g->place = closure_place::borrowed;
    std::memcpy(g->near, &arg, sizeof arg);
    g->joinable = false;
    g->status.store(g_status::runnable, std::memory_order_relaxed);
    p->queue.push_back(g, sched.global);
    announce(m, true);
    return true;
  } catch (...) {
    return false;
  }
}

void make_runnable_from_outside(G* g) noexcept {
  const outside_call in;  // sequentially consistent, as the load: see shutdown.cpp
  const phase now = sched.state.load(std::memory_order_seq_cst);
  if (now == phase::forked) [[unlikely]] {
    fail_forked();
  }
  if (now == phase::stopping) [[unlikely]] {
    sched.scan.acquire();
    sched.scan.release();
  }
  submit_from_outside(g);
}

void submit_from_outside(G* g) noexcept {
  sched.global.push(g);
  full_fence();
  if (sched.idle.willing.load(std::memory_order_relaxed) > 0 &&
      sched.idle.spinning.load(std::memory_order_relaxed) == 0) {
    wake_helper();
  }
}

namespace {

void set_ending(G* g, bool ending) noexcept {
  const entry in;
  g->ending = ending;
}

// What most fibers never have, and lies in cache lines that they never touch.
[[gnu::noinline]] void clear_more(G* g) noexcept {
  if (g->locals != nullptr) {
    set_ending(g, true);  // destructors: their waits must not throw
    destroy_locals(g);
    set_ending(g, false);
  }
  if (g->name != nullptr) {
    replace_name(g, nullptr);
  }
  g->swallowed_unwinds = 0;
}

}  // namespace

void run_body(G* g) {
  try {
    g->body(g->closure());
  } catch (const unwind&) {
    // stop() ended it: that is a proper end.
#if !WEFT_HAS_FOOT
  } catch (...) {
    report_uncaught_and_abort();
#endif
  }  // Anything else finds no handler, which the foot of the stack reports.
  if (g->has_more) [[unlikely]] {
    clear_more(g);
  }
  if (!g->joinable) {
    free_closure(g);
  }
}

void finish_fiber(M* m, G* g) noexcept {
  g->own_stack_size = false;
  g->no_preempt = false;
  g->has_more = false;
  if (!g->joinable) {
    recycle(m, g);
    return;
  }
  g->status.store(g_status::ended, std::memory_order_relaxed);
  const std::uintptr_t joiner = g->join_.exchange(done, std::memory_order_acq_rel);
  if (joiner != 0) {
    G* const g_joiner = reinterpret_cast<G*>(joiner);
    g_joiner->is_thread ? ready(g_joiner) : ready_on(m, g_joiner);
  }
}

const G* joined_fiber(const cancel_point* point) noexcept {
  return static_cast<const join_point*>(point)->target;
}

bool fiber_ended(const G* g) noexcept { return g->join_.load(std::memory_order_acquire) == done; }

namespace {

// A join whose fiber has not started, and is still where the joiner has put it, need not wait: the
// joiner runs it, on its own stack, as a call. That keeps fork-join trees depth-first and costs no
// switch. Not with less than 7/8 of the stack left, nor while an exception is being handled, which
// the child would take for its own.
bool join_by_running(G* child) noexcept {
  M* m = enter_scheduler();
  if (m == nullptr) {
    return false;
  }
  G* const parent = m->running;
  P* const p = m->p.load(std::memory_order_relaxed);
  const auto* const here = static_cast<std::byte*>(__builtin_frame_address(0));
  const auto left = static_cast<std::size_t>(here - parent->bound->limit);
  bool runs = left >= parent->bound->size / 8 * 7 && m->thread_exceptions->caught == nullptr &&
              m->thread_exceptions->uncaught == 0 && m->locked == nullptr &&
              p->queue.take_back(child);
  if (runs && child->bound != nullptr) {
    // It has a stack: one of its own size, or it has run and yielded. (To be asked only now that it
    // is ours.)
    p->queue.push_next(child, sched.global);
    runs = false;
  }
  if (runs) {
    count_dispatch(m, p);
    m = run_child(m, child);
    if (m->tainted) [[unlikely]] {
      m = leave_thread(m);  // the child has locked it and ended: it ends, too
    }
  }
  m->leave();
  return runs;
}

}  // namespace

bool join_fiber(G* g, bool patient) {
  if (fiber_ended(g) || join_by_running(g)) {
    return true;
  }
  join_point point;
  point.cancel = cancel_join;
  point.target = g;
  const wait_options options{.reason = wait_reason::join, .patient = patient};
  {
    const entry in(entry::scheduler_only{});
    if (!refuse_wait(options)) {
      point.joiner = self();
      // A patient one ends with the fiber only: to end it earlier would just make it begin again.
      park(publish_joiner, &point, patient ? nullptr : &point, options);
    }
  }
  if (fiber_ended(g)) {
    return true;
  }
  if (!patient) {
    throw_unwind();
  }
  return join_fiber(g, patient);
}

void release_fiber(G* g) noexcept {
  free_closure(g);
  if (M* const m = enter_scheduler(); m != nullptr) {
    recycle(m, g);
    m->leave();
  } else {
    sched.pool.give_ended(g);
  }
}

std::uint64_t fiber_number(const G* g) noexcept { return g->id; }

}  // namespace weft::detail
