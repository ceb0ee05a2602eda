#include "weft/detail/pool_core.hpp"

#include <memory>

#include "runtime/machine/check.hpp"
#include "runtime/state/entry.hpp"
#include "runtime/state/p.hpp"

namespace weft::detail {

pool_core::~pool_core() {
  for (auto& t : far_) {
    delete t.load(std::memory_order_relaxed);
  }
}

pool_core::shard* pool_core::far_shard(std::size_t proc) const noexcept {
  const table* const some = far_[proc / table_size].load(std::memory_order_acquire);
  return some != nullptr ? (*some)[proc % table_size].load(std::memory_order_acquire) : nullptr;
}

// The slot used last comes first: its value is the warmest.
template <pool_core::slot_state Wanted>
[[gnu::always_inline]] inline pool_core::claim pool_core::claim_slot() noexcept {
  M* const m = enter();
  if (m == nullptr) {
    return {nullptr, no_proc};
  }
  const auto proc = static_cast<std::size_t>(m->p.load(std::memory_order_relaxed)->index);
  shard* const mine =
      proc < near_.size() ? near_[proc].load(std::memory_order_acquire) : far_shard(proc);
  claim result{nullptr, proc};
  if (mine != nullptr) [[likely]] {
    result.slot = no_proc;
    // A filler looks upwards from there, an emptier downwards.
    constexpr std::size_t step = Wanted == slot_state::empty ? 1 : slots - 1;
    std::size_t slot = mine->last;
    for (std::size_t i = 0; i < slots; ++i, slot = (slot + step) % slots) {
      auto& state = mine->state[slot];
      if (state.load(std::memory_order_acquire) == Wanted) {
        state.store(slot_state::busy, std::memory_order_relaxed);
        if (i != 0) {
          mine->last = static_cast<std::uint8_t>(slot);
        }
        result = {mine, slot};
        break;
      }
    }
  }
  m->leave();
  return result;
}

pool_core::claim pool_core::claim_full() noexcept { return claim_slot<slot_state::full>(); }
pool_core::claim pool_core::claim_empty() noexcept { return claim_slot<slot_state::empty>(); }

bool pool_core::install(std::size_t proc, shard* made) {
  shard* none = nullptr;
  if (proc < near_.size()) {
    return near_[proc].compare_exchange_strong(none, made, std::memory_order_acq_rel);
  }
  auto& place = far_[proc / table_size];
  table* some = place.load(std::memory_order_acquire);
  if (some == nullptr) {
    auto fresh = std::make_unique<table>();
    if (place.compare_exchange_strong(some, fresh.get(), std::memory_order_acq_rel)) {
      some = fresh.release();
    }
  }
  return (*some)[proc % table_size].compare_exchange_strong(none, made, std::memory_order_acq_rel);
}

bool pool_core::store(node* n) noexcept {
  const entry in;
  depot_guard_.acquire();
  const std::size_t count = stored_.load(std::memory_order_relaxed);
  const bool room = count < depot_size;
  if (room) {
    n->next = depot_;
    depot_ = n;
    stored_.store(count + 1, std::memory_order_relaxed);
  }
  depot_guard_.release();
  return room;
}

pool_core::node* pool_core::take_slow() noexcept {
  const entry in;
  depot_guard_.acquire();
  node* const n = depot_;
  if (n != nullptr) {
    depot_ = n->next;
    stored_.store(stored_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  }
  depot_guard_.release();
  return n;
}

}  // namespace weft::detail
