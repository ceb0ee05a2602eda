// Where fiber records come from.
//
// Gs are made in slabs and never freed before stop(), so any pointer to a G stays readable. Each
// G holds one stack reservation: whoever makes a slab reserves its stacks first, and that is the
// step that may fail.
//
// Owner:      g_pool is process-wide, guarded by its own lock (below it only the scan_guard of a
//             record); g_cache belongs to a P.
// Tested by:  tests/unit/spawn_test.cpp
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/state/g.hpp"
#include "weft/detail/lock.hpp"

namespace weft::detail {

class global_queue;

class g_pool {
 public:
  // `queue` must always have room for all records.
  constexpr explicit g_pool(global_queue& queue) noexcept : queue_(queue) {}

  // 1 to n records into `out`, how many is returned; makes a slab when none is free. Throws
  // std::bad_alloc, std::system_error.
  std::uint32_t take(G** out, std::uint32_t n);
  void give(G* const* records, std::uint32_t n) noexcept;

  // From a plain thread, at any time, also after release_all(): a record whose status is ended.
  // Until its status changes, under the lock, its slab stays.
  void give_ended(G* g) noexcept;

  // Frees them, but for slabs with a record that a handle still holds (status ended): those stay
  // for the next start, which calls adopt_leftovers() to reserve stacks for them again (throws).
  void release_all() noexcept;
  void adopt_leftovers();

  // Calls visit(g, arg) for every record ever made, also idle ones. Takes no lock.
  void for_each(void (*visit)(G*, void*), void* arg) noexcept;

  // `count` fresh numbers for fibers; the first of them.
  std::uint64_t take_ids(std::uint64_t count) noexcept;

 private:
  struct slab;
  void add_slab();
  void make_room(std::size_t records);

  lock guard_;
  global_queue& queue_;
  G** free_ = nullptr;  // a stack with room for all records: give() cannot fail
  std::size_t free_count_ = 0;
  std::size_t free_capacity_ = 0;
  std::size_t all_ = 0;
  std::size_t reserved_ = 0;           // stacks: for all records, but for leftovers not yet adopted
  std::atomic<slab*> slabs_{nullptr};  // written under guard_ (release), read by anyone (acquire)
  std::atomic<std::uint64_t> next_id_{1};
};

// A P's private records, as an array so that taking one does not touch it: no atomics.
class g_cache {
 public:
  G* get(g_pool& pool) {
    if (count_ == 0) [[unlikely]] {
      count_ = pool.take(records_.data(), batch);
    }
    G* const g = records_[--count_];
    if (count_ > 0) {
      __builtin_prefetch(records_[count_ - 1], 1);
    }
    return g;
  }
  void put(G* g, g_pool& pool) noexcept {
    if (count_ == capacity) [[unlikely]] {
      spill(pool, capacity / 2);
    }
    records_[count_++] = g;
  }
  void drain(g_pool& pool) noexcept;
  // For a P that goes idle: all but a few go back, for others to use. Who is out of memory, and on
  // no P, has no other source.
  void give_surplus(g_pool& pool) noexcept {
    if (count_ > 2 * batch) [[unlikely]] {
      spill(pool, count_ - batch);
    }
  }
  std::uint64_t next_id(g_pool& pool) noexcept {
    if (id_ == id_end_) [[unlikely]] {
      constexpr std::uint64_t block = 1024;
      id_ = pool.take_ids(block);
      id_end_ = id_ + block;
    }
    return id_++;
  }

 private:
  static constexpr std::uint32_t batch = 64;
  static constexpr std::uint32_t capacity = 1536;
  void spill(g_pool& pool, std::uint32_t surplus) noexcept;

  std::uint32_t count_ = 0;
  std::uint64_t id_ = 0;
  std::uint64_t id_end_ = 0;
  std::array<G*, capacity> records_;
};

}  // namespace weft::detail
