// The operations of one channel: lock, try the deal of "channel/deal.hpp", wait if there is none.
//
// Cost of an operation that does not wait: one thread-local read, one locked instruction.
//
// Tested by: tests/unit/channel_test.cpp, tests/unit/channel_types_test.cpp,
//            tests/stress/channel_stress.cpp
#include <exception>
#include <limits>
#include <type_traits>
#include <utility>

#include "channel/deal.hpp"
#include "channel/errors.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "weft/channel.hpp"

namespace weft::detail {

namespace {

// Where an element's exception is kept until the lock and the entry are left behind.
template <class Slot>
struct failure {
  std::exception_ptr* place() noexcept { return nullptr; }
  [[noreturn]] void raise() { std::terminate(); }
};
template <>
struct failure<throwing> {
  std::exception_ptr error;
  std::exception_ptr* place() noexcept { return &error; }
  [[noreturn]] void raise() { std::rethrow_exception(std::move(error)); }
};

// Ends an operation that did not wait.
template <class Slot>
inline void finish(M* m, const wakes& wake) noexcept {
  if (wake.first != nullptr) {
    ready(m, wake.first);
  }
  if constexpr (Slot::can_throw) {
    ready_all(wake.rest);
  }
  leave_unmoved(m);
}

// Waits in line; the channel is locked, and neither it nor the entry that returned m are held
// afterwards. False: the deadline passed. True: w.tag says how it ended.
template <wait_reason Reason>
inline bool wait_in_line(M* m, chan_core& c, wait_queue& queue, std::uint32_t flag, waiter& w,
                         std::int64_t deadline) {
  set_flag(c, flag);
  wait_outcome outcome;
  if (deadline == never) {
    outcome = wait_and_leave(m, queue, c.guard, w, Reason);
  } else {
    outcome = wait(queue, c.guard, w, {.reason = Reason, .deadline = deadline});
    leave();
  }
  if (outcome == wait_outcome::unwound) [[unlikely]] {
    throw_unwind();
  }
  return outcome == wait_outcome::woken;
}

template <class Slot>
using waiter_of = std::conditional_t<Slot::can_throw, chan_waiter, waiter>;

// False: the deadline passed.
template <class Slot>
[[gnu::noinline]] bool wait_to_send(M* m, chan_core& c, void* value, std::int64_t deadline) {
  waiter_of<Slot> w;
  w.value = value;
  if (!wait_in_line<wait_reason::chan_send>(m, c, c.senders, chan_core::senders_wait, w,
                                            deadline)) {
    return false;
  }
  if (w.tag != dealt) [[unlikely]] {
    if constexpr (Slot::can_throw) {
      if (w.tag == failed) {
        std::rethrow_exception(std::move(w.error));
      }
    }
    throw_closed_send();
  }
  return true;
}

template <class Slot>
[[gnu::noinline]] recv_status wait_to_recv(M* m, chan_core& c, void* to, std::int64_t deadline) {
  waiter_of<Slot> w;
  w.value = to;
  if (!wait_in_line<wait_reason::chan_recv>(m, c, c.receivers, chan_core::receivers_wait, w,
                                            deadline)) {
    return recv_status::timeout;
  }
  return w.tag == dealt ? recv_status::ok : recv_status::closed;
}

[[gnu::noinline]] void wait_on_nil(std::int64_t deadline) {
  wait_queue queue;
  lock guard;
  waiter w;
  enter();
  acquire_object(guard);
  const wait_outcome outcome =
      wait(queue, guard, w, {.reason = wait_reason::nil_chan, .deadline = deadline});
  leave();
  if (outcome == wait_outcome::unwound) {
    throw_unwind();
  }
}

// Deadline of an operation that does not wait.
constexpr std::int64_t at_once = std::numeric_limits<std::int64_t>::min();

template <class Slot>
inline bool send_by(chan_core* c, void* value, std::int64_t deadline) {
  if (c == nullptr) [[unlikely]] {
    wait_on_nil(deadline);
    return false;
  }
  M* const m = enter();
  acquire_object(c->guard);
  wakes wake;
  failure<Slot> failed_move;
  const deal d = dealer<Slot>::send(*c, value, wake, failed_move.place());
  if (d == deal::none && deadline != at_once) {
    return wait_to_send<Slot>(m, *c, value, deadline);
  }
  c->guard.release();
  finish<Slot>(m, wake);
  if (d == deal::closed) [[unlikely]] {
    throw_closed_send();
  }
  if constexpr (Slot::can_throw) {
    if (d == deal::failed) {
      failed_move.raise();
    }
  }
  return d == deal::done;
}

template <class Slot>
inline recv_status recv_by(chan_core* c, void* to, std::int64_t deadline) {
  if (c == nullptr) [[unlikely]] {
    wait_on_nil(deadline);
    return recv_status::timeout;
  }
  M* const m = enter();
  acquire_object(c->guard);
  wakes wake;
  failure<Slot> failed_move;
  const deal d = dealer<Slot>::recv(*c, to, wake, failed_move.place());
  if (d == deal::none && deadline != at_once) {
    return wait_to_recv<Slot>(m, *c, to, deadline);
  }
  c->guard.release();
  finish<Slot>(m, wake);
  if constexpr (Slot::can_throw) {
    if (d == deal::failed) {
      failed_move.raise();
    }
  }
  return d == deal::done     ? recv_status::ok
         : d == deal::closed ? recv_status::closed
                             : recv_status::empty;
}

}  // namespace

template <class Slot>
void chan_ops<Slot>::send(chan_core* core, void* value) {
  send_by<Slot>(core, value, never);
}

template <class Slot>
bool chan_ops<Slot>::try_send(chan_core* core, void* value) {
  return send_by<Slot>(core, value, at_once);
}

template <class Slot>
bool chan_ops<Slot>::send_until(chan_core* core, void* value, std::int64_t deadline) {
  return send_by<Slot>(core, value, deadline);
}

template <class Slot>
bool chan_ops<Slot>::recv(chan_core* core, void* to) {
  return recv_by<Slot>(core, to, never) == recv_status::ok;
}

template <class Slot>
recv_status chan_ops<Slot>::try_recv(chan_core* core, void* to) {
  return recv_by<Slot>(core, to, at_once);
}

template <class Slot>
recv_status chan_ops<Slot>::recv_until(chan_core* core, void* to, std::int64_t deadline) {
  const recv_status status = recv_by<Slot>(core, to, deadline);
  return status == recv_status::empty ? recv_status::timeout : status;
}

template struct WEFT_API chan_ops<bytes<0>>;
template struct WEFT_API chan_ops<bytes<1>>;
template struct WEFT_API chan_ops<bytes<2>>;
template struct WEFT_API chan_ops<bytes<4>>;
template struct WEFT_API chan_ops<bytes<8>>;
template struct WEFT_API chan_ops<bytes<16>>;
template struct WEFT_API chan_ops<moved>;
template struct WEFT_API chan_ops<throwing>;

}  // namespace weft::detail
