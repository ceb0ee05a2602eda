// The marks by which an M and sysmon agree on who holds the M's P: the two words of the detach
// protocol, and the only code that writes them.
//
// A fiber may run code that never comes back to the runtime. sysmon must be able to ask it to
// yield, and, if it does not answer, to take the P away without stopping the thread. Every runtime
// call that touches a P is bracketed by ENTER and LEAVE, which cost two plain stores and a load.
//
//   ENTER, by M   1. in_rt = 1 (relaxed); compiler fence
//                 2. req == none (relaxed)? The P is ours until LEAVE.
//                 3. Otherwise take(): yield and detaching are taken by CAS to none (acq_rel), and
//                    the P is ours; detached means that it is gone.
//   LEAVE         in_rt = 0 (release), on the M that runs the fiber by then.
//   sysmon        4. req: none or yield -> detaching (CAS)
//                 5. one membarrier for all Ms of this pass
//                 6. in_rt == 0 (acquire): CAS detaching -> detached. Won: the P is sysmon's.
//                    Otherwise CAS back to yield.
//
// Why it is right. Let B be the point where the barrier takes effect on M's thread. If store 1
// comes after B, so does load 2: it sees `detaching`, and the CAS of 3 and 6 have one winner. If
// store 1 comes before B, load 6 sees the 1 and backs off; or it sees a 0 written by a later LEAVE,
// whose release makes that section's writes to the P visible, and any ENTER after it is after B.
// Only sysmon writes `detaching`, and Ms live as long as sysmon: no ABA.
//
// A thief borrows a P in the same way, for as long as it takes to read and write one word of it
// (the run queue's runnext, which costs its owner no atomics therefore): `borrowing` for
// `detaching`, and `borrowed` for `detached`, for which an ENTER that finds it waits. It ends as
// `yield`: a request that was there, or that was refused meanwhile, is not lost. The value is
// another one than sysmon's, and thieves take turns (take_runnext()), or one's CAS of 6 could take
// the mark of another, whose barrier is yet to come, for its own.
//
// Without membarrier (an old kernel, seccomp) the word `req` carries the bit `fenced` for good:
// every ENTER goes to take(), which repeats store 1 as an exchange (seq_cst), 5 ns more; sysmon's
// CAS of 4 is then its side of the fence.
//
//   words   written by                                   read by
//   in_rt   this M only: relaxed 1, release 0            sysmon: acquire, after the barrier
//   req     sysmon, set_procs, world_hold, thieves: CAS  this M: relaxed in ENTER, acquire in
//           acq_rel; this M: CAS acq_rel to none, and    take(); others: relaxed
//           release store when it has lost or given up
//           its P
//
// ENTER and LEAVE do not nest, and in_rt covers bounded runtime code only. On an M's own stack (g0)
// in_rt stays 1.
//
// The protocol: preemption without signals, as a single-winner handshake on asymmetric fences
// (membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED).
// Tested by: tests/model/detach_model.cpp, tests/stress/detach_stress.cpp (both with twins without
// the barrier, which must fail), tests/unit/detach_test.cpp
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/machine/check.hpp"
#include "runtime/machine/platform.hpp"

namespace weft::detail {

// What an M finds when it enters.
enum class request : std::uint8_t { none, yield, detached };

class marks {
 public:
  // M ---------------------------------------------------------------------------------------

  // True: the P is the caller's until leave(). False: call take() first.
  bool enter() noexcept {
    WEFT_CHECK(in_rt_.load(std::memory_order_relaxed) == 0);
    in_rt_.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return req_.load(std::memory_order_relaxed) == none;
  }

  // none, yield: the P is the caller's. detached: it is not.
  request take() noexcept {
    std::uint32_t r = req_.load(std::memory_order_acquire);
    if ((r & fenced) != 0) {
      in_rt_.exchange(1, std::memory_order_seq_cst);
      r = req_.load(std::memory_order_acquire);
    }
    for (;;) {
      switch (r & ~fenced) {
        case none:
          return request::none;
        case detached:
          return request::detached;
        case borrowed:
          yield_thread();  // it may have lost its processor
          r = req_.load(std::memory_order_acquire);
          break;
        default:
          if (req_.compare_exchange_strong(r, none | (r & fenced), std::memory_order_acq_rel,
                                           std::memory_order_acquire)) {
            return request::yield;
          }
      }
    }
  }

  void leave() noexcept {
    WEFT_CHECK(in_rt_.load(std::memory_order_relaxed) == 1);
    in_rt_.store(0, std::memory_order_release);
  }

  [[gnu::always_inline]] bool inside() const noexcept {
    return in_rt_.load(std::memory_order_acquire) != 0;
  }

  // Whether take() has something to answer. A hint outside of an entry.
  bool is_asked() const noexcept {
    return (req_.load(std::memory_order_relaxed) & ~fenced) != none;
  }

  // The M gives its P up by itself, inside an entry: its next ENTER finds `detached`.
  void give_up() noexcept { req_.store(detached | fence_bit(), std::memory_order_release); }

  // After `detached`, inside an entry: what was asked is answered. Before the M gets another P.
  void settle() noexcept { req_.store(none | fence_bit(), std::memory_order_release); }

  // A thread begins on its own stack, which counts as inside.
  void begin_inside(bool with_fences) noexcept {
    in_rt_.store(1, std::memory_order_relaxed);
    req_.store(with_fences ? fenced : none, std::memory_order_relaxed);
  }

  // Others -----------------------------------------------------------------------------------

  // Asks to yield. True if nothing was asked before.
  bool ask_to_yield() noexcept { return change(none, yield); }

  // sysmon only. 4.
  bool begin_detach() noexcept { return change(none, detaching) || change(yield, detaching); }
  // sysmon only. 6, after a barrier, and after inside() was seen to be false. True: the P that the
  // M had, as seen between inside() and this call, is the caller's.
  bool end_detach() noexcept { return change(detaching, detached); }
  // sysmon only, when end_detach() failed or is no longer wanted.
  void cancel_detach() noexcept { change(detaching, yield); }

  // Thieves, one at a time: the same for a moment.
  bool begin_borrow() noexcept { return change(none, borrowing) || change(yield, borrowing); }
  bool end_borrow() noexcept { return change(borrowing, borrowed); }
  void cancel_borrow() noexcept { change(borrowing, yield); }
  void give_back() noexcept { change(borrowed, yield); }

 private:
  static constexpr std::uint32_t none = 0;
  static constexpr std::uint32_t yield = 1;
  static constexpr std::uint32_t detaching = 2;
  static constexpr std::uint32_t detached = 3;
  static constexpr std::uint32_t fenced = 4;  // a bit
  static constexpr std::uint32_t borrowing = 8;
  static constexpr std::uint32_t borrowed = 9;

  std::uint32_t fence_bit() const noexcept { return req_.load(std::memory_order_relaxed) & fenced; }
  bool change(std::uint32_t from, std::uint32_t to) noexcept {
    const std::uint32_t bit = fence_bit();
    from |= bit;
    return req_.compare_exchange_strong(from, to | bit, std::memory_order_acq_rel,
                                        std::memory_order_relaxed);
  }

  mark_word in_rt_{};
  std::atomic<std::uint32_t> req_{none};
};

}  // namespace weft::detail
