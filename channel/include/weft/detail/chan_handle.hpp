// A counted reference to a channel's core: one pointer, null for the nil channel. The only place
// that touches `refs`.
#pragma once

#include <atomic>
#include <utility>

#include "weft/detail/chan_core.hpp"

namespace weft::detail {

class chan_handle {
 public:
  constexpr chan_handle() noexcept = default;
  // Takes over one reference.
  explicit chan_handle(chan_core* owned) noexcept : core_(owned) {}
  chan_handle(const chan_handle& other) noexcept : core_(other.core_) { retain(core_); }
  chan_handle(chan_handle&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  chan_handle& operator=(const chan_handle& other) noexcept {
    chan_handle(other).swap(*this);
    return *this;
  }
  chan_handle& operator=(chan_handle&& other) noexcept {
    chan_handle(std::move(other)).swap(*this);
    return *this;
  }
  ~chan_handle() { release(core_); }

  void swap(chan_handle& other) noexcept { std::swap(core_, other.core_); }
  chan_core* core() const noexcept { return core_; }

  static chan_core* retain(chan_core* core) noexcept {
    if (core != nullptr) {
      core->refs.fetch_add(1, std::memory_order_relaxed);
    }
    return core;
  }
  static void release(chan_core* core) noexcept {
    if (core != nullptr && core->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      destroy_chan(core);
    }
  }

 private:
  chan_core* core_ = nullptr;
};

// How the rest of the library reaches the core of a public handle.
struct handle_access {
  template <class Handle>
  static chan_core* core(const Handle& handle) noexcept {
    return handle.handle_.core();
  }
  template <class Handle>
  static chan_handle share(const Handle& handle) noexcept {
    return handle.handle_;
  }
  template <class Handle>
  static Handle make(chan_handle handle) noexcept {
    return Handle(std::move(handle));
  }
};

}  // namespace weft::detail
