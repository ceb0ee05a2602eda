#include "runtime/state/timer_heap.hpp"

#include <cstdlib>
#include <new>
#include <utility>

#include "runtime/machine/platform.hpp"

namespace weft::detail {

timer_heap::~timer_heap() {
  for (std::size_t i = 0; i < size_; ++i) {
    timer_node* t = heap_[i].node;
    t->guard_.acquire();
    if (t->home_ == this) {
      t->home_ = nullptr;
      t->key_ = no_time;
      t->when_ = no_time;
    }
    t->guard_.release();
  }
  std::free(heap_);
}

void timer_heap::grow() {
  const std::size_t capacity = capacity_ == 0 ? 64 : capacity_ * 2;
  void* grown = std::realloc(heap_, capacity * sizeof(slot));
  if (grown == nullptr) {
    throw std::bad_alloc();
  }
  heap_ = static_cast<slot*>(grown);
  capacity_ = capacity;
}

void timer_heap::sift_up(std::size_t i) noexcept {
  const slot moving = heap_[i];
  while (i > 0) {
    const std::size_t parent = (i - 1) / 4;
    if (heap_[parent].when <= moving.when) {
      break;
    }
    heap_[i] = heap_[parent];
    i = parent;
  }
  heap_[i] = moving;
}

void timer_heap::sift_down(std::size_t i) noexcept {
  const slot moving = heap_[i];
  for (;;) {
    const std::size_t first = i * 4 + 1;
    if (first >= size_) {
      break;
    }
    std::size_t least = first;
    for (std::size_t child = first + 1; child < first + 4 && child < size_; ++child) {
      if (heap_[child].when < heap_[least].when) {
        least = child;
      }
    }
    if (heap_[least].when >= moving.when) {
      break;
    }
    heap_[i] = heap_[least];
    i = least;
  }
  heap_[i] = moving;
}

void timer_heap::pop_root() noexcept {
  heap_[0] = heap_[--size_];
  if (size_ > 0) {
    sift_down(0);
  }
}

void timer_heap::publish() noexcept {
  next_.store(size_ > 0 ? heap_[0].when : no_time, std::memory_order_release);
}

bool timer_heap::push(std::int64_t when, timer_node* t) {
  guard_.acquire();
  if (size_ == capacity_) {
    drop_stale();
    if (size_ == capacity_) {
      try {
        grow();
      } catch (...) {
        guard_.release();
        throw;
      }
    }
  }
  heap_[size_] = {when, t};
  sift_up(size_++);
  const bool earliest = heap_[0].node == t && heap_[0].when == when;
  publish();
  guard_.release();
  return earliest;
}

// Whether the slot is the live entry of an armed timer. A stopped timer's entry is retired.
bool timer_heap::is_live(const slot& s) noexcept {
  timer_node* t = s.node;
  t->guard_.acquire();
  bool live = t->key_ == s.when && t->home_ == this;
  if (live && t->when_ == no_time) {
    t->key_ = no_time;
    live = false;
  }
  t->guard_.release();
  return live;
}

// Rebuilds the heap from its live entries when at least half of them may be dead.
void timer_heap::drop_stale() noexcept {
  if (stale_.load(std::memory_order_relaxed) < size_ / 2) {
    return;
  }
  stale_.store(0, std::memory_order_relaxed);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    if (is_live(heap_[i])) {
      heap_[kept++] = heap_[i];
    }
  }
  size_ = kept;
  for (std::size_t i = size_ / 4 + 1; i-- > 0;) {
    if (i < size_) {
      sift_down(i);
    }
  }
}

// The next timer to fire, marked as firing; null if none is due. The lock is held.
timer_node* timer_heap::take_due(std::int64_t now) noexcept {
  while (size_ > 0 && heap_[0].when <= now) {
    const slot root = heap_[0];
    timer_node* t = root.node;
    t->guard_.acquire();
    if (t->key_ != root.when || t->home_ != this) {
      t->guard_.release();
      pop_root();
    } else if (t->when_ == no_time) {
      t->key_ = no_time;
      t->guard_.release();
      pop_root();
    } else if (t->when_ > now) {
      heap_[0].when = t->key_ = t->when_;
      t->guard_.release();
      sift_down(0);
    } else {
      t->key_ = t->when_ = no_time;
      t->firing_.fetch_add(1, std::memory_order_relaxed);
      t->guard_.release();
      pop_root();
      return t;
    }
  }
  return nullptr;
}

std::uint32_t timer_heap::run_due(std::int64_t now) noexcept {
  std::uint32_t fired = 0;
  guard_.acquire();
  if (size_ > 64) {
    drop_stale();
  }
  while (timer_node* t = take_due(now)) {
    publish();
    guard_.release();
    t->fire(t);
    t->firing_.fetch_sub(1, std::memory_order_release);
    ++fired;
    guard_.acquire();
  }
  publish();
  guard_.release();
  return fired;
}

bool timer_heap::any_armed() noexcept {
  bool armed = false;
  guard_.acquire();
  for (std::size_t i = 0; i < size_ && !armed; ++i) {
    armed = is_live(heap_[i]);
  }
  guard_.release();
  return armed;
}

void timer_heap::move_to(timer_heap& to) {
  guard_.acquire();
  slot* entries = std::exchange(heap_, nullptr);
  const std::size_t count = std::exchange(size_, 0);
  capacity_ = 0;
  publish();
  guard_.release();
  for (std::size_t i = 0; i < count; ++i) {
    timer_node* t = entries[i].node;
    t->guard_.acquire();
    const bool live = t->key_ == entries[i].when && t->home_ == this;
    const bool armed = live && t->when_ != no_time;
    if (live) {
      t->home_ = armed ? &to : nullptr;
      t->key_ = armed ? entries[i].when : no_time;
    }
    t->guard_.release();
    if (armed) {
      to.push(entries[i].when, t);
    }
  }
  std::free(entries);
}

}  // namespace weft::detail
