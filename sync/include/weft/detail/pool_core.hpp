// Where pool<T> keeps its values: a shard of slots for each P, and a depot all share.
//
// A slot is claimed inside an entry, where the P belongs to the claimer alone, so by plain stores;
// the value is moved after the entry, by the claimer, who then says what the slot has become. So
// no code of the user's runs inside an entry, and none runs under a lock.
//
// Slots:    empty -> busy (claimed to fill) -> full -> busy (claimed to empty) -> empty
// Atomics:  state   empty or full to busy: by the P's holder only, relaxed. busy to empty or full:
//                   by the claimer, maybe on another thread by now: release; read acquire by who
//                   claims: the value is there, or gone.
//           near_, far_, tables: from null, by CAS release; read acquire.
//           stored_ written under depot_guard_; read without it as a hint, relaxed.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "weft/detail/export.hpp"
#include "weft/detail/lock.hpp"

namespace weft::detail {

class pool_core {
 public:
  static constexpr unsigned slots = 8;  // of each P
  static constexpr std::size_t depot_size = 64;

  enum class slot_state : std::uint8_t { empty, busy, full };

  // The values stand behind it, see pool<T>.
  struct shard {
    std::array<std::atomic<slot_state>, slots> state{};
    std::uint8_t last = 0;  // the slot used last; the P's holder only
  };

  // A value in the depot stands behind this.
  struct node {
    node* next = nullptr;
  };

  struct claim {
    shard* in;         // null: none was to be had
    std::size_t slot;  // without a shard: the number of the P if that has none yet, or no_proc
  };
  static constexpr std::size_t no_proc = SIZE_MAX;

  pool_core() noexcept = default;
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;
  WEFT_API ~pool_core();

  WEFT_API claim claim_full() noexcept;
  WEFT_API claim claim_empty() noexcept;
  static void settle(const claim& c, slot_state now) noexcept {
    c.in->state[c.slot].store(now, std::memory_order_release);
  }

  // Gives P number `proc` its shard. False if it has one by now. Throws std::bad_alloc.
  WEFT_API bool install(std::size_t proc, shard* made);

  // The depot: false and null when it is full or empty.
  WEFT_API bool store(node* n) noexcept;
  node* take() noexcept {
    return stored_.load(std::memory_order_relaxed) != 0 ? take_slow() : nullptr;
  }

  // Nobody else uses the pool.
  template <class Visit>
  void for_each_shard(Visit&& visit) {
    const auto visit_all = [&visit](auto& shards) {
      for (auto& s : shards) {
        if (shard* const one = s.load(std::memory_order_acquire)) {
          visit(one);
        }
      }
    };
    visit_all(near_);
    for (auto& t : far_) {
      if (table* const some = t.load(std::memory_order_acquire)) {
        visit_all(*some);
      }
    }
  }

 private:
  static constexpr std::size_t table_size = 32;
  static constexpr std::size_t table_count = 32;  // 1024 Ps
  using table = std::array<std::atomic<shard*>, table_size>;

  WEFT_API node* take_slow() noexcept;
  template <slot_state Wanted>
  claim claim_slot() noexcept;

  shard* far_shard(std::size_t proc) const noexcept;

  // The shards of the first Ps; and tables for those of a larger number.
  std::array<std::atomic<shard*>, 16> near_{};
  std::array<std::atomic<table*>, table_count> far_{};
  lock depot_guard_;
  node* depot_ = nullptr;  // guarded by depot_guard_
  std::atomic<std::size_t> stored_{0};
};

}  // namespace weft::detail
