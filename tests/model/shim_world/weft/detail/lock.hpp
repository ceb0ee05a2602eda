// A lock for models of what stands on it: takes the place of weft/detail/lock.hpp, which has a
// model of its own (lock_model.cpp). Acquiring is one step that waits until the lock is free.
#pragma once

#include "tests/model/shim.hpp"

namespace weft::detail {

class lock {
 public:
  constexpr lock() noexcept = default;
  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;

  void acquire() noexcept {
    auto& e = weft_model::explorer::get();
    if (e.active()) {
      e.block(
          "lock::acquire", [](void* word) { return *static_cast<std::uint64_t*>(word) == 0; },
          &word_, false);
    }
    word_ = 1;
    e.wrote();
  }
  bool try_acquire() noexcept {
    auto& e = weft_model::explorer::get();
    e.point("lock::try_acquire", &word_);
    e.drain_own();
    const bool free = word_ == 0;
    if (free) {
      word_ = 1;
      e.wrote();
    }
    return free;
  }
  bool acquire_alone() noexcept {
    auto& e = weft_model::explorer::get();
    e.load_point(&word_);
    const std::uint64_t* const own = e.buffered() ? e.own_store(&word_) : nullptr;
    if ((own != nullptr ? *own : word_) != 0) {
      return false;
    }
    e.point("lock::acquire_alone", &word_);
    if (e.buffered()) {
      e.push_store(&word_, 1);
    } else {
      word_ = 1;
      e.wrote();
    }
    return true;
  }
  void release() noexcept {
    auto& e = weft_model::explorer::get();
    e.point("lock::release", &word_);
    if (e.buffered()) {
      e.push_store(&word_, 0);
    } else {
      word_ = 0;
      e.wrote();
    }
  }
  bool is_held() const noexcept { return word_ != 0; }

 private:
  std::uint64_t word_ = 0;
};

}  // namespace weft::detail
