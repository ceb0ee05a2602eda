// Values to be used again instead of made anew: pool.
//
//   weft::pool<std::string> buffers;              // or buffers([] { return make_one(); })
//   std::string s = buffers.get();                // one that was put back, or a new one
//   ...
//   s.clear();
//   buffers.put(std::move(s));
//
// As Go's sync.Pool: a cache, not a store. get() returns any value that was put, or a new one; a
// value that was put may be destroyed at any time. Each P keeps up to 8 values of its own, and all
// together share 64 more (plain threads use these only); what is put beyond that is destroyed. What
// the pool keeps lives until the pool is destroyed.
//
// From fibers and plain threads. Nobody may use the pool while it is destroyed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "weft/detail/pool_core.hpp"

namespace weft {

// T needs to be movable. The user's code (the factory, T's moves and destructor) runs in the
// caller, with no lock held; it may wait, and may use the pool. If moving a T throws, the exception
// reaches the caller.
// Tested by: tests/unit/pool_test.cpp, tests/stress/sync_stress.cpp
template <class T>
class pool {
  static_assert(std::is_object_v<T> && std::is_move_constructible_v<T>, "a pool moves its values");
  using core = detail::pool_core;

 public:
  // New values are made by T().
  pool() requires std::is_default_constructible_v<T> : make_([] { return T(); }) {}

  // New values are made by make(), which may be called by many at once.
  template <class F>
    requires std::is_invocable_r_v<T, F&>
  explicit pool(F make) : make_(std::move(make)) {}

  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  ~pool() {
    core_.for_each_shard([](core::shard* s) {
      auto* const owned = static_cast<shard*>(s);
      for (unsigned i = 0; i < core::slots; ++i) {
        if (owned->state[i].load(std::memory_order_acquire) == core::slot_state::full) {
          std::destroy_at(owned->at(static_cast<int>(i)));
        }
      }
      delete owned;
    });
    while (core::node* n = core_.take()) {
      delete static_cast<node*>(n);
    }
  }

  // A value that was put, preferably by this P and lately, or a new one. Does not wait, unless the
  // factory does. Throws what the factory throws.
  T get() {
    std::optional<T> found = try_get();
    return found ? *std::move(found) : make_();
  }

  // The same, but none instead of a new one.
  std::optional<T> try_get() {
    if (const core::claim c = core_.claim_full(); c.in != nullptr) {
      T* const from = static_cast<shard*>(c.in)->at(c.slot);
      settle_on_exit settle{c, core::slot_state::full};
      std::optional<T> found(std::move(*from));
      std::destroy_at(from);
      settle.result = core::slot_state::empty;
      return found;
    }
    if (core::node* n = core_.take()) {
      const std::unique_ptr<node> owned(static_cast<node*>(n));
      return std::optional<T>(std::move(owned->value));
    }
    return std::nullopt;
  }

  // Keeps the value, or destroys it if there is no room. Does not wait, unless T's destructor does.
  // Throws std::bad_alloc.
  void put(T value) {
    core::claim c = core_.claim_empty();
    if (c.proc >= 0) {
      auto made = std::make_unique<shard>();
      if (core_.install(c.proc, made.get())) {
        made.release();
      }
      c = core_.claim_empty();
    }
    if (c.in != nullptr) {
      settle_on_exit settle{c, core::slot_state::empty};
      ::new (static_cast<shard*>(c.in)->place(c.slot)) T(std::move(value));
      settle.result = core::slot_state::full;
      return;
    }
    auto kept = std::make_unique<node>(std::move(value));
    if (core_.store(kept.get())) {
      kept.release();
    }
  }

 private:
  struct alignas(64) shard : core::shard {
    void* place(int slot) noexcept { return values + static_cast<std::size_t>(slot) * sizeof(T); }
    T* at(int slot) noexcept { return std::launder(static_cast<T*>(place(slot))); }
    alignas(T) std::byte values[core::slots * sizeof(T)];
  };

  struct node : core::node {
    explicit node(T&& v) : value(std::move(v)) {}
    T value;
  };

  struct settle_on_exit {
    core::claim claimed;
    core::slot_state result;
    ~settle_on_exit() { core::settle(claimed, result); }
  };

  core core_;
  std::function<T()> make_;
};

}  // namespace weft
