// Holding the world: while it is held no P runs, so no parked fiber can resume, and whoever holds
// it may look at every fiber's record and stack. Fibers that compute go on, without a P, until
// they next call into the runtime.
//
// One holder at a time. Who holds it must not call anything that may wait in weft (an ostream that
// writes through weft, say), nor use a channel or the like (solo.hpp): it would wait for itself.
#pragma once

namespace weft::detail {

// Takes every P away from its M, by the detach protocol; gives them back at the end. From a fiber
// or a plain thread; blocks the thread for as long as the runtime calls in progress need. Nothing
// is to be held while the runtime does not run.
class world_hold {
 public:
  world_hold();
  ~world_hold();
  world_hold(const world_hold&) = delete;
  world_hold& operator=(const world_hold&) = delete;

  // False: the runtime does not run, or is stopping.
  bool held() const noexcept { return held_; }

 private:
  bool held_;
};

// Under the scheduler lock: no P runs, nothing is runnable or about to be made so by a call in
// progress, and no fiber runs without a P.
bool nothing_moves() noexcept;

// For stop(), on its thread: waits until the world is at rest by itself, and holds it.
void rest_world() noexcept;
// The end of either: whatever has work is woken.
void resume_world() noexcept;

// sysmon's part of world_hold: whether somebody wants it, and doing it until he is done.
bool hold_is_wanted() noexcept;
void hold_for_others() noexcept;

}  // namespace weft::detail
