// The untyped half of <weft/time.hpp>: timers that send on a channel, and timers that call.
#pragma once

#include <memory>
#include <utility>

#include "weft/clock.hpp"
#include "weft/detail/chan_handle.hpp"
#include "weft/detail/export.hpp"

namespace weft::detail {

// A channel of capacity 1 that a timer sends the time to: once after `first`, and again every
// `period` unless that is zero. Throws std::bad_alloc.
WEFT_API chan_handle make_timer_chan(duration first, duration period);
// Disarms; afterwards there is no value in the channel. True: it was armed, or it had fired and
// nobody had received the value.
WEFT_API bool stop_timer_chan(chan_core* core) noexcept;
// Disarms as stop does and arms again, with the same result.
WEFT_API bool reset_timer_chan(chan_core* core, duration first, duration period);

// A timer that starts a fiber. Counted: by its handles, and by the timer while it is armed or the
// call runs.
struct call_timer;

class WEFT_API call_timer_handle {
 public:
  call_timer_handle() noexcept = default;
  explicit call_timer_handle(call_timer* owned) noexcept : timer_(owned) {}
  call_timer_handle(const call_timer_handle& other) noexcept;
  call_timer_handle(call_timer_handle&& other) noexcept
      : timer_(std::exchange(other.timer_, nullptr)) {}
  call_timer_handle& operator=(call_timer_handle other) noexcept {
    std::swap(timer_, other.timer_);
    return *this;
  }
  ~call_timer_handle();
  call_timer* get() const noexcept { return timer_; }

 private:
  call_timer* timer_ = nullptr;
};

// The closure that a call_timer owns.
struct timer_call {
  virtual ~timer_call() = default;
  virtual void run() = 0;
};

template <class F>
struct timer_call_of final : timer_call {
  template <class G>
  explicit timer_call_of(G&& g) : f(std::forward<G>(g)) {}
  void run() override { f(); }
  F f;
};

// Throws std::bad_alloc.
WEFT_API call_timer_handle make_call_timer(std::unique_ptr<timer_call> call, duration delay);
WEFT_API bool stop_call_timer(call_timer* timer) noexcept;
WEFT_API bool reset_call_timer(call_timer* timer, duration delay);

}  // namespace weft::detail
