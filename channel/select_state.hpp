// The word that decides which channel, deadline or stop() wins a select that waits.
//
// One select_state stands on the frame of each waiting select; each of its cases has a waiter in
// the queue of a channel. Owner of `claim`: this file.
//
// Atomics: claim_  0 open, 1 taken. CAS 0 -> 1 by whoever offers a deal, under the lock of the
//                  channel whose queue it found the waiter in, or by a deadline or stop(). Relaxed
//                  is enough: what the winner writes into the frame reaches the select through
//                  ready(), and losers only learn that they lost.
// Lifetime: a waker may look at the state only under the lock of a channel in whose queue one of
//           the waiters stands: the select takes each of those locks, in order to take its waiters
//           out, before it leaves. The winner may look until it readies the select.
// Tested by: tests/unit/select_test.cpp, tests/stress/select_stress.cpp
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>

#include "weft/detail/select_core.hpp"
#include "weft/detail/wait_queue.hpp"

namespace weft::detail {

struct select_state : cancel_point {
  // True for exactly one caller.
  bool claim() noexcept {
    std::uint32_t open = 0;
    return claim_.compare_exchange_strong(open, 1, std::memory_order_relaxed,
                                          std::memory_order_relaxed);
  }
  // By the select itself, while it has no waiter in any queue.
  void reopen() noexcept { claim_.store(0, std::memory_order_relaxed); }

  // The channels, each once, in the order of locking.
  chan_core** order = nullptr;
  std::size_t count = 0;
  // Written by the winner, read by the select after its wait.
  select_waiter* winner = nullptr;
  wait_outcome outcome = wait_outcome::woken;
  std::exception_ptr error;

 private:
  std::atomic<std::uint32_t> claim_{0};
};

}  // namespace weft::detail
