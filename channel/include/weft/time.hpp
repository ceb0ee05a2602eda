// Timers: the time as something to receive, or to be called by.
//
//   if (weft::select(recv(c, use), weft::after(1s, [] {})) == 1) ...        // <weft/select.hpp>
//   for (auto now : weft::ticker(100ms).c) ...
//   auto t = weft::after_func(5s, [] { give_up(); });  ...  t.stop();
//
// The behaviour is that of Go 1.23. A timer sends the time of weft::clock at which it fired. The
// channel has room for one value; a timer never waits for a receiver. Once stop() or reset() has
// returned, no value from before can be received. A timer fires at its time or, on a busy
// machine, later; never early. Durations of zero and less are over at once; one that ends past
// the end of weft::clock never ends.
//
// Nothing need be stopped: a timer or ticker goes away with the last handle that can reach its
// channel, and takes its place in the runtime's timer heaps with it. A call that after_func()
// has promised is made all the same, unless the runtime is stopped first.
//
// The handles of one timer may be used by several fibers at once: stop() and reset() take effect
// one after the other. As of any object, one must not be assigned to while another fiber uses it.
//
// Errors: std::bad_alloc. To sleep: this_fiber::sleep_for, <weft/go.hpp>.
#pragma once

#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "weft/channel.hpp"
#include "weft/clock.hpp"
#include "weft/detail/timer_state.hpp"

namespace weft {

// Receives the time once, after `d`.
[[nodiscard]] inline receiver<clock::time_point> after(duration d) {
  return detail::handle_access::make<receiver<clock::time_point>>(
      detail::make_timer_chan(d, duration::zero()));
}

class timer;
template <class F>
  requires std::is_invocable_v < std::decay_t<F>
& > timer after_func(duration d, F&& f);

// An alarm that can be stopped and set anew. Copies are handles of the same timer.
class timer {
 public:
  // `c` receives the time once, after `d`.
  explicit timer(duration d) : timer(detail::make_timer_chan(d, duration::zero())) {}

  receiver<clock::time_point> c;  // nil for after_func's timers

  // Keeps it from firing. True: it did that. False: it had fired and its value was received, or
  // the call of after_func() had begun (it may still be running); or it was stopped before.
  bool stop() noexcept {
    return call_.get() != nullptr ? detail::stop_call_timer(call_.get())
                                  : detail::stop_timer_chan(chan_.core());
  }

  // As stop(), and lets it fire after `d` from now; a call is then made once more.
  bool reset(duration d) {
    return call_.get() != nullptr ? detail::reset_call_timer(call_.get(), d)
                                  : detail::reset_timer_chan(chan_.core(), d, duration::zero());
  }

 private:
  template <class F>
    requires std::is_invocable_v < std::decay_t<F>
  & > friend timer after_func(duration d, F&& f);

  explicit timer(detail::chan_handle chan)
      : c(detail::handle_access::make<receiver<clock::time_point>>(chan)), chan_(std::move(chan)) {}
  explicit timer(detail::call_timer_handle call) noexcept : call_(std::move(call)) {}

  detail::chan_handle chan_;
  detail::call_timer_handle call_;
};

// Calls f() in a fiber of its own, after `d`. f is kept until the last handle is gone and the last
// call has ended. An exception that leaves f ends the process, as from any detached fiber.
template <class F>
  requires std::is_invocable_v < std::decay_t<F>
& > timer after_func(duration d, F&& f) {
  auto call = std::make_unique<detail::timer_call_of<std::decay_t<F>>>(std::forward<F>(f));
  return timer(detail::make_call_timer(std::move(call), d));
}

// Receives the time again and again, every `period`. When nobody has received the last tick, the
// next is dropped: ticks never pile up, and later ones keep to the rhythm.
class ticker {
 public:
  // Throws std::invalid_argument unless period > 0.
  explicit ticker(duration period) : ticker(make(period)) {}

  receiver<clock::time_point> c;

  // No more ticks. Does not close `c`.
  void stop() noexcept { detail::stop_timer_chan(chan_.core()); }

  // The next tick comes after `period` from now, and then every `period`.
  // Throws std::invalid_argument unless period > 0.
  void reset(duration period) {
    check(period);
    detail::reset_timer_chan(chan_.core(), period, period);
  }

 private:
  explicit ticker(detail::chan_handle chan)
      : c(detail::handle_access::make<receiver<clock::time_point>>(chan)), chan_(std::move(chan)) {}
  static void check(duration period) {
    if (period <= duration::zero()) {
      throw std::invalid_argument("weft::ticker: the period must be positive");
    }
  }
  static detail::chan_handle make(duration period) {
    check(period);
    return detail::make_timer_chan(period, period);
  }

  detail::chan_handle chan_;
};

}  // namespace weft
