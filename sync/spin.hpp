// Looking at a word again for a moment before waiting for it to change.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "runtime/machine/platform.hpp"
#include "runtime/machine/spinning.hpp"
#include "runtime/state/current.hpp"
#include "weft/runtime.hpp"

namespace weft::detail {

// Whether what the caller waits for can happen while it spins: on one processor, or for a fiber on
// the only P, it cannot.
inline bool spinning_helps() noexcept {
  static const bool several_cpus = affinity_cpus() > 1;
  return several_cpus && (current_m() == nullptr || procs() > 1);
}

// About a microsecond: long enough for the owner of a contended word to have its cache line for
// many turns, short against a futex call.
inline void spin_round() noexcept {
  constexpr int pauses = 32;
  for (int i = 0; i < pauses; ++i) {
    cpu_relax();
  }
}

enum class attempt : std::uint8_t { taken, again, hopeless };

// Tries until `taken`, for as many rounds as past success has earned: two more for a success,
// half of them for a failure. `earned` is a hint: relaxed.
template <class Try>
bool spin_for(std::atomic<std::uint16_t>& earned, Try&& attempt_once) noexcept {
  attempt result = attempt_once();
  if (result != attempt::again || !spinning_helps()) {
    return result == attempt::taken;
  }
  constexpr std::uint32_t most = 8;
  const spinning_time counted;
  const std::uint32_t rounds = earned.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < rounds && result == attempt::again; ++i) {
    spin_round();
    result = attempt_once();
  }
  const bool taken = result == attempt::taken;
  const std::uint32_t next = taken ? std::min(rounds + 2, most) : std::max(rounds / 2, 1U);
  earned.store(static_cast<std::uint16_t>(next), std::memory_order_relaxed);
  return taken;
}

}  // namespace weft::detail
