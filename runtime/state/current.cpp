#include "runtime/state/current.hpp"

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

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
  bool late = false;  // its stand_in_owner is gone
  bool seeded = false;
  random_source random;
};

thread_local constinit thread_state this_thread __attribute__((tls_model("initial-exec"))){};

[[gnu::noinline]] thread_state* current_thread() noexcept {
  thread_state* state = &this_thread;
  asm volatile("" : "+r"(state));
  return state;
}

// The list, and those that have come since somebody looked. A stand-in may be made with an object's
// lock held, and stop() goes for such locks with the list's held: so the former takes no lock.
std::mutex stand_ins_guard;
G* stand_ins = nullptr;
std::atomic<G*> new_stand_ins{nullptr};

void link_stand_in(G* g) noexcept {
  g->next = new_stand_ins.load(std::memory_order_relaxed);
  while (!new_stand_ins.compare_exchange_weak(g->next, g, std::memory_order_release,
                                              std::memory_order_relaxed)) {
  }
}

// With the guard held.
void adopt_new_stand_ins() noexcept {
  G* g = new_stand_ins.exchange(nullptr, std::memory_order_acquire);
  while (g != nullptr) {
    G* const following = std::exchange(g->next, stand_ins);
    if (stand_ins != nullptr) {
      stand_ins->prev = g;
    }
    stand_ins = g;
    g = following;
  }
}

// At the end of its thread. Its waiting is over; who woke it last has let go of the note but for
// its address, see note.hpp.
void free_stand_in(G* g) noexcept {
  destroy_locals(g);
  {
    const std::scoped_lock hold(stand_ins_guard);
    adopt_new_stand_ins();
    (g->prev != nullptr ? g->prev->next : stand_ins) = g->next;
    if (g->next != nullptr) {
      g->next->prev = g->prev;
    }
  }
  current_thread()->stand_in = nullptr;
  delete g;
  plain_thread_goes();
}

// Among the destructors of the thread's thread_locals.
struct stand_in_owner {
  G* g = nullptr;
  ~stand_in_owner() {
    current_thread()->late = true;
    if (g != nullptr) {
      free_stand_in(g);
    }
  }
};

// For a thread_local's destructor that waits in weft after that: after all of those. Not for the
// main thread, which goes with the process.
void free_late(G* g) noexcept {
  static const auto key = [] {
    pthread_key_t made{};
    const int error =
        pthread_key_create(&made, [](void* late) { free_stand_in(static_cast<G*>(late)); });
    return error == 0 ? std::optional(made) : std::nullopt;
  }();
  if (key) {
    pthread_setspecific(*key, g);
  }
}

[[gnu::noinline]] G* make_stand_in() {
  G* const g = new G;
  g->is_thread = true;
  g->kernel_thread_id = current_thread_id();
  g->status.store(g_status::running, std::memory_order_relaxed);
  if (current_thread()->late) {
    free_late(g);
  } else {
    thread_local stand_in_owner owner;
    owner.g = g;
  }
  current_thread()->stand_in = g;
  plain_thread_comes();
  link_stand_in(g);
  return g;
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
  adopt_new_stand_ins();
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
