#include "runtime/state/g_pool.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "runtime/state/global_queue.hpp"

namespace weft::detail {

struct g_pool::slab {
  static constexpr std::uint32_t count = 64;
  slab* next = nullptr;
  std::array<G, count> records;
};

void g_pool::add_slab() {
  stack_depot::reserve(slab::count);
  std::unique_ptr<slab> made;
  try {
    made = std::make_unique<slab>();
    guard_.acquire();
    try {
      make_room(all_ + slab::count);
    } catch (...) {
      guard_.release();
      throw;
    }
    all_ += slab::count;
    reserved_ += slab::count;
  } catch (...) {
    stack_depot::unreserve(slab::count);
    throw;
  }
  for (auto g = made->records.rbegin(); g != made->records.rend(); ++g) {
    free_[free_count_++] = &*g;
  }
  made->next = slabs_.load(std::memory_order_relaxed);
  slabs_.store(made.release(), std::memory_order_release);
  guard_.release();
}

// In every place that may ever hold all records.
void g_pool::make_room(std::size_t records) {
  if (free_capacity_ < records) {
    const std::size_t capacity = std::max<std::size_t>(1024, 2 * records);
    G** const moved = new G*[capacity];
    std::copy_n(free_, free_count_, moved);
    delete[] std::exchange(free_, moved);
    free_capacity_ = capacity;
  }
  queue_.reserve(records);
}

std::uint32_t g_pool::take(G** out, std::uint32_t n) {
  for (;;) {
    guard_.acquire();
    const auto taken = static_cast<std::uint32_t>(std::min<std::size_t>(n, free_count_));
    free_count_ -= taken;
    std::copy_n(free_ + free_count_, taken, out);
    guard_.release();
    if (taken > 0) {
      return taken;
    }
    add_slab();
  }
}

void g_pool::give(G* const* records, std::uint32_t n) noexcept {
  guard_.acquire();
  std::copy_n(records, n, free_ + free_count_);
  free_count_ += n;
  guard_.release();
}

void g_pool::give_ended(G* g) noexcept {
  guard_.acquire();
  // A dump, which looks at a record with its scan_guard held, is over with this one then.
  g->scan_guard.acquire();
  g->status.store(g_status::idle, std::memory_order_relaxed);
  g->scan_guard.release();
  free_[free_count_++] = g;
  guard_.release();
}

void g_pool::release_all() noexcept {
  guard_.acquire();
  slab* s = slabs_.exchange(nullptr, std::memory_order_relaxed);
  free_count_ = 0;
  all_ = 0;
  const std::size_t reserved = std::exchange(reserved_, 0);
  while (s != nullptr) {
    slab* const next = s->next;
    const bool held = std::any_of(s->records.begin(), s->records.end(), [](const G& g) {
      return g.status.load(std::memory_order_acquire) == g_status::ended;
    });
    if (held) {
      s->next = slabs_.load(std::memory_order_relaxed);
      slabs_.store(s, std::memory_order_release);
      all_ += slab::count;
      for (G& g : s->records) {
        if (g.status.load(std::memory_order_relaxed) == g_status::idle) {
          free_[free_count_++] = &g;
        }
      }
    } else {
      delete s;
    }
    s = next;
  }
  if (all_ == 0) {
    delete[] std::exchange(free_, nullptr);
    free_capacity_ = 0;
    queue_.release();
  }
  guard_.release();
  stack_depot::unreserve(reserved);
}

void g_pool::adopt_leftovers() {
  if (all_ > 0) {
    stack_depot::reserve(all_);
    reserved_ = all_;
    queue_.reserve(all_);
  }
}

void g_pool::for_each(void (*visit)(G*, void*), void* arg) noexcept {
  for (slab* s = slabs_.load(std::memory_order_acquire); s != nullptr; s = s->next) {
    for (G& g : s->records) {
      visit(&g, arg);
    }
  }
}

std::uint64_t g_pool::take_ids(std::uint64_t count) noexcept {
  return next_id_.fetch_add(count, std::memory_order_relaxed);
}

void g_cache::spill(g_pool& pool, std::uint32_t surplus) noexcept {
  // Those that were put first: the others' cache lines are warm.
  pool.give(records_.data(), surplus);
  std::copy(records_.begin() + surplus, records_.begin() + count_, records_.begin());
  count_ -= surplus;
}

void g_cache::drain(g_pool& pool) noexcept {
  pool.give(records_.data(), count_);
  count_ = 0;
}

}  // namespace weft::detail
