// Looks into a channel to see who waits on it, so that tests can order events without sleeping.
//
// A waiter that can be seen under the channel's lock belongs to a fiber that is off its stack.
#pragma once

#include <cstddef>
#include <thread>

#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace weft_testing {

template <class Handle>
std::size_t count_waiters(const Handle& c,
                          weft::detail::wait_queue weft::detail::chan_core::*queue) {
  weft::detail::chan_core* const core = weft::detail::handle_access::core(c);
  std::size_t n = 0;
  const weft::detail::entry in;
  core->guard.acquire();
  for (const weft::detail::waiter* w = (core->*queue).front(); w != nullptr; w = w->next) {
    ++n;
  }
  core->guard.release();
  return n;
}

template <class Handle>
std::size_t waiting_receivers(const Handle& c) {
  return count_waiters(c, &weft::detail::chan_core::receivers);
}

template <class Handle>
std::size_t waiting_senders(const Handle& c) {
  return count_waiters(c, &weft::detail::chan_core::senders);
}

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) {
    if (weft::this_fiber::is_fiber()) {
      weft::this_fiber::yield();
    } else {
      std::this_thread::yield();
    }
  }
}

// Until n receivers (or cases of selects) stand in line.
template <class Handle>
void wait_for_receivers(const Handle& c, std::size_t n = 1) {
  wait_until([&] { return waiting_receivers(c) == n; });
}

template <class Handle>
void wait_for_senders(const Handle& c, std::size_t n = 1) {
  wait_until([&] { return waiting_senders(c) == n; });
}

}  // namespace weft_testing
