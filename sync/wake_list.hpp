// Waiters taken off their queues under an object's lock, readied once it is released.
#pragma once

#include "runtime/scheduler/park.hpp"
#include "weft/detail/wait_queue.hpp"

namespace weft::detail {

class wake_list {
 public:
  void add(waiter* w) noexcept {
    w->next = nullptr;
    *last_ = w;
    last_ = &w->next;
  }

  void add_all(wait_queue& queue) noexcept {
    while (waiter* w = queue.pop_front()) {
      add(w);
    }
  }

  // In the order in which they were added. A waiter's frame may be gone once it is ready.
  void ready_all() noexcept {
    for (waiter* w = first_; w != nullptr;) {
      waiter* const next = w->next;
      ready(w->g);
      w = next;
    }
  }

 private:
  waiter* first_ = nullptr;
  waiter** last_ = &first_;
};

}  // namespace weft::detail
