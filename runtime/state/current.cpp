#include "runtime/state/current.hpp"

#include <mutex>

#include "runtime/machine/platform.hpp"
#include "runtime/machine/random.hpp"
#include "runtime/state/g.hpp"
#include "runtime/state/m.hpp"
#include "runtime/state/outside.hpp"

namespace weft::detail {

namespace {

struct thread_state {
  M* m = nullptr;
  G* stand_in = nullptr;
  bool seeded = false;
  random_source random;
};

thread_local constinit thread_state this_thread __attribute__((tls_model("initial-exec"))){};

[[gnu::noinline]] thread_state* current_thread() noexcept {
  thread_state* state = &this_thread;
  asm volatile("" : "+r"(state));
  return state;
}

std::mutex stand_ins_guard;
G* stand_ins = nullptr;

void link_stand_in(G* g) {
  const std::scoped_lock hold(stand_ins_guard);
  g->next = stand_ins;
  g->prev = nullptr;
  if (stand_ins != nullptr) {
    stand_ins->prev = g;
  }
  stand_ins = g;
}

// Frees the thread's stand-in when the thread ends. Its waiting is over by then; the last waker
// has let go of the note, see G::sleep's use in park.cpp.
struct stand_in_owner {
  G* g = nullptr;
  ~stand_in_owner() {
    if (g == nullptr) {
      return;
    }
    destroy_locals(g);
    {
      const std::scoped_lock hold(stand_ins_guard);
      (g->prev != nullptr ? g->prev->next : stand_ins) = g->next;
      if (g->next != nullptr) {
        g->next->prev = g->prev;
      }
    }
    current_thread()->stand_in = nullptr;
    delete g;
  }
};

[[gnu::noinline]] G* make_stand_in() {
  thread_local stand_in_owner owner;
  owner.g = new G;
  owner.g->is_thread = true;
  owner.g->status.store(g_status::running, std::memory_order_relaxed);
  current_thread()->stand_in = owner.g;
  link_stand_in(owner.g);
  return owner.g;
}

}  // namespace

[[gnu::noinline]] M* current_m() noexcept {
  M* m = this_thread.m;
  asm volatile("" : "+r"(m));
  return m;
}

void set_current_m(M* m) noexcept { current_thread()->m = m; }

G* current_stand_in() {
  G* g = current_thread()->stand_in;
  return g != nullptr ? g : make_stand_in();
}

void for_each_stand_in(void (*visit)(G*, void*), void* arg) noexcept {
  const std::scoped_lock hold(stand_ins_guard);
  for (G* g = stand_ins; g != nullptr; g = g->next) {
    visit(g, arg);
  }
}

std::uint32_t fast_random() noexcept {
  if (M* m = current_m(); m != nullptr) {
    return m->random.next();
  }
  thread_state* const thread = current_thread();
  if (!thread->seeded) {
    thread->random = random_source(static_cast<std::uint64_t>(monotonic_ns()) ^
                                   reinterpret_cast<std::uintptr_t>(thread));
    thread->seeded = true;
  }
  return thread->random.next();
}

}  // namespace weft::detail
