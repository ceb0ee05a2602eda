#include "runtime/state/timers.hpp"

#include "runtime/machine/platform.hpp"
#include "runtime/state/current.hpp"
#include "runtime/state/m.hpp"
#include "runtime/state/outside.hpp"
#include "runtime/state/p.hpp"

namespace weft::detail {

namespace {

// Nodes are type-stable: the pool grows to the most that ever existed at a time, and stays.
struct timer_pool {
  static constexpr int batch = 64;
  struct block {
    block* next = nullptr;
    timer_node nodes[batch];
  };
  lock guard;
  timer_node* free = nullptr;
  block* blocks = nullptr;
};

constinit timer_pool pool;

}  // namespace

arming_from_outside::arming_from_outside(bool wanted) : outside_(wanted && current_m() == nullptr) {
  if (outside_) {
    begin_outside_timer();
  }
}

arming_from_outside::~arming_from_outside() {
  if (first_) {
    outside_timer_is_first();
  }
  if (outside_) {
    end_outside_timer();
  }
}

timer_node::timer_node() noexcept : when_(timer_heap::no_time), key_(timer_heap::no_time) {}

bool arm_timer(timer_node* t, std::int64_t when_ns, arming_from_outside* within) {
  M* const m = current_m();
  arming_from_outside own(within == nullptr);
  timer_heap& heap =
      m != nullptr ? m->p.load(std::memory_order_relaxed)->timers : outside_timer_heap();
  t->guard_.acquire();
  const bool was_armed = t->when_ != timer_heap::no_time;
  t->when_ = when_ns;
  if (when_ns == timer_heap::no_time || (t->key_ <= when_ns && t->home_ != nullptr)) {
    t->guard_.release();  // never; or the live entry comes up early enough and will see when_
    return was_armed;
  }
  if (t->key_ != timer_heap::no_time && t->home_ != nullptr) {
    t->home_->note_stopped();  // moved earlier: the entry there is stale from now on
  }
  t->key_ = when_ns;
  t->home_ = &heap;
  t->guard_.release();
  if (heap.push(when_ns, t) && m == nullptr) {
    (within != nullptr ? within : &own)->first_ = true;
  }
  return was_armed;
}

bool stop_timer(timer_node* t, bool wait_for_fire) noexcept {
  t->guard_.acquire();
  const bool was_armed = t->when_ != timer_heap::no_time;
  t->when_ = timer_heap::no_time;
  if (was_armed && t->home_ != nullptr) {
    t->home_->note_stopped();
  }
  t->guard_.release();
  if (wait_for_fire) {
    // A fire() is a few dozen instructions; its thread may have lost the processor, though.
    for (int spin = 0; t->firing_.load(std::memory_order_acquire) != 0; ++spin) {
      if (spin < 100) {
        cpu_relax();
      } else {
        yield_thread();
      }
    }
  }
  return was_armed;
}

timer_node* new_timer(timer_node::fire_fn fire, void* arg) {
  pool.guard.acquire();
  timer_node* t = pool.free;
  if (t != nullptr) {
    pool.free = t->next_free_;
  }
  pool.guard.release();
  if (t == nullptr) {
    auto* const made = new timer_pool::block;
    t = &made->nodes[0];
    for (int i = 1; i + 1 < timer_pool::batch; ++i) {
      made->nodes[i].next_free_ = &made->nodes[i + 1];
    }
    pool.guard.acquire();
    made->next = pool.blocks;
    pool.blocks = made;
    made->nodes[timer_pool::batch - 1].next_free_ = pool.free;
    pool.free = &made->nodes[1];
    pool.guard.release();
  }
  t->fire = fire;
  t->arg = arg;
  return t;
}

void delete_timer(timer_node* t) noexcept {
  stop_timer(t, true);
  pool.guard.acquire();
  t->next_free_ = pool.free;
  pool.free = t;
  pool.guard.release();
}

}  // namespace weft::detail
