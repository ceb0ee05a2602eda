#include "weft/fiber_local.hpp"

#include <atomic>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "runtime/state/entry.hpp"

namespace weft::detail {

struct fiber_locals {
  struct value {
    std::uint64_t key;
    void* object;
    destroy_fn destroy;
  };
  std::vector<value> values;  // few: searched from the front
};

std::uint64_t new_local_key() noexcept {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

void* find_local(std::uint64_t key) noexcept {
  const G* const g = self();
  if (g->locals != nullptr) {
    for (const auto& v : g->locals->values) {
      if (v.key == key) {
        return v.object;
      }
    }
  }
  return nullptr;
}

void add_local(std::uint64_t key, void* value, destroy_fn destroy) {
  G* const g = self();
  if (g->locals == nullptr) {
    g->locals = new fiber_locals;
    const entry in;
    g->has_more = true;
  }
  g->locals->values.push_back({key, value, destroy});
}

void destroy_locals(G* g) noexcept {
  if (g->locals == nullptr) {
    return;
  }
  // A destructor may make new values.
  while (!g->locals->values.empty()) {
    const auto last = g->locals->values.back();
    g->locals->values.pop_back();
    last.destroy(last.object);
  }
  delete std::exchange(g->locals, nullptr);
}

}  // namespace weft::detail
