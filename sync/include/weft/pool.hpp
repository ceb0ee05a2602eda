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
      for (std::size_t i = 0; i < core::slots; ++i) {
        if (owned->state[i].load(std::memory_order_acquire) == core::slot_state::full) {
          std::destroy_at(owned->at(i));
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
    if (const core::claim c = core_.claim_full(); c.in != nullptr) [[likely]] {
      return take(c);
    }
    std::optional<T> found = from_depot();
    return found ? *std::move(found) : make_();
  }

  // The same, but none instead of a new one.
  std::optional<T> try_get() {
    if (const core::claim c = core_.claim_full(); c.in != nullptr) [[likely]] {
      return take(c);
    }
    return from_depot();
  }

  // Keeps the value, or destroys it if there is no room. Does not wait, unless T's destructor does.
  // Throws std::bad_alloc.
  void put(T&& value) {
    if (const core::claim c = core_.claim_empty(); c.in != nullptr) [[likely]] {
      fill(c, std::move(value));
    } else {
      put_slow(c.slot, std::move(value));
    }
  }
  void put(const T& value) requires std::is_copy_constructible_v<T> { put(T(value)); }

 private:
  struct alignas(64) shard : core::shard {
    void* place(std::size_t slot) noexcept { return values + slot * sizeof(T); }
    T* at(std::size_t slot) noexcept { return std::launder(static_cast<T*>(place(slot))); }
    alignas(T) std::byte values[core::slots * sizeof(T)];
  };

  struct node : core::node {
    explicit node(T&& v) : value(std::move(v)) {}
    T value;
  };

  // What becomes of a claimed slot, also when moving a T throws.
  struct settle_on_exit {
    core::claim claimed;
    core::slot_state result;
    ~settle_on_exit() { core::settle(claimed, result); }
  };

  T take(const core::claim& c) {
    T* const from = static_cast<shard*>(c.in)->at(c.slot);
    settle_on_exit settle{c, core::slot_state::full};
    T found(std::move(*from));
    std::destroy_at(from);
    settle.result = core::slot_state::empty;
    return found;
  }

  void fill(const core::claim& c, T&& value) {
    settle_on_exit settle{c, core::slot_state::empty};
    ::new (static_cast<shard*>(c.in)->place(c.slot)) T(std::move(value));
    settle.result = core::slot_state::full;
  }

  [[gnu::noinline]] std::optional<T> from_depot() {
    core::node* const n = core_.take();
    if (n == nullptr) {
      return std::nullopt;
    }
    const std::unique_ptr<node> owned(static_cast<node*>(n));
    return std::optional<T>(std::move(owned->value));
  }

  [[gnu::noinline]] void put_slow(std::size_t proc, T&& value) {
    if (proc != core::no_proc) {
      auto made = std::make_unique<shard>();
      if (core_.install(proc, made.get())) {
        made.release();
      }
      if (const core::claim c = core_.claim_empty(); c.in != nullptr) {
        return fill(c, std::move(value));
      }
    }
    auto kept = std::make_unique<node>(std::move(value));
    if (core_.store(kept.get())) {
      kept.release();
    }
  }

  core core_;
  std::function<T()> make_;
};

}  // namespace weft
