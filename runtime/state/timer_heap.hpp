// A P's timers: a 4-ary heap of {when, node}, see timers.hpp for what an entry means.
//
// Atomics: next_   the earliest entry's time; written under guard_ (release), read by the owner's
//                  scheduling rounds, by sysmon and by who may run another P's timers (acquire).
//          stale_  entries of stopped timers, a hint: relaxed everywhere.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/state/timers.hpp"
#include "weft/detail/lock.hpp"

namespace weft::detail {

class timer_heap {
 public:
  timer_heap() noexcept = default;
  ~timer_heap();  // disarms what is left
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;

  // True if it is now the earliest. Throws std::bad_alloc.
  bool push(std::int64_t when, timer_node* t);

  // Fires what is due, until at least `most` have fired. Inside an entry. Returns how many.
  std::uint32_t run_due(std::int64_t now, std::uint32_t most = UINT32_MAX) noexcept;

  std::int64_t next() const noexcept { return next_.load(std::memory_order_acquire); }

  // Its entries, those of stopped timers included that nobody has come across yet.
  std::size_t size() noexcept {
    guard_.acquire();
    const std::size_t n = size_;
    guard_.release();
    return n;
  }

  // Whether any timer in it will fire: entries of stopped ones do not count. Looks at them all.
  bool any_armed() noexcept;

  // Moves every live timer to `to` (a P that goes out of use).
  void move_to(timer_heap& to);

  void note_stopped() noexcept { stale_.fetch_add(1, std::memory_order_relaxed); }

 private:
  struct slot {
    std::int64_t when;
    timer_node* node;
  };

  static constexpr std::uint32_t due_at_once = 16;

  static slot* make_slots(std::size_t count) noexcept;
  static void free_slots(slot* slots) noexcept;
  void grow();
  void sift_up(std::size_t i) noexcept;
  void sift_down(std::size_t i) noexcept;
  void pop_root() noexcept;
  std::uint32_t take_due(std::int64_t now, timer_node** due) noexcept;
  bool is_live(const slot& s) noexcept;
  void drop_stale() noexcept;
  void publish() noexcept;

  lock guard_;
  slot* heap_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::atomic<std::int64_t> next_{no_time};
  std::atomic<std::uint32_t> stale_{0};

  static constexpr std::size_t lead = 3;  // slots before the root: see make_slots()

 public:
  static constexpr std::int64_t no_time = INT64_MAX;
  static constexpr std::size_t first_capacity = 64 - lead;
};

}  // namespace weft::detail
