// When solo begins and ends: see runtime/state/solo.hpp.
#include "runtime/state/solo.hpp"

#include <mutex>

#include "runtime/machine/check.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"

namespace weft::detail {

constinit solo_words solo;

namespace {

// Lock order: lifecycle, this, the world.
constinit std::mutex changing;

// With `changing` held.
void end_now() noexcept {
  if (!solo.now.load(std::memory_order_relaxed)) {
    return;
  }
  const world_hold hold;
  WEFT_CHECK(hold.held());  // solo has ended before the runtime stops
  solo.now.store(false, std::memory_order_release);
}

bool forked() noexcept { return sched.state.load(std::memory_order_relaxed) == phase::forked; }

}  // namespace

void begin_solo() noexcept {
  const std::scoped_lock hold(changing);
  if (!solo.outsiders.load(std::memory_order_relaxed)) {
    solo.now.store(true, std::memory_order_release);
  }
}

void end_solo() noexcept {
  const std::scoped_lock hold(changing);
  end_now();
}

void end_solo_for_good() noexcept {
  if (forked()) {
    return;  // there is nobody else, and `changing` may be locked for ever
  }
  current_stand_in();  // first: who is known and awake is not waited for in vain, see deadlock.cpp
  const std::scoped_lock hold(changing);
  end_now();
  solo.outsiders.store(true, std::memory_order_release);
}

void testing_forget_outsiders() noexcept { solo.outsiders.store(false, std::memory_order_release); }

}  // namespace weft::detail
