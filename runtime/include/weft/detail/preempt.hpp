// Whether somebody is asked to yield: the one word that polls look at.
//
// checkpoint() and the polls that weft_enable_preemption() puts into a program load preempt_wanted,
// and call checkpoint_slow() if it is not zero. It is a hint: what counts is M::req of the thread.
//
// Atomics: preempt_wanted
//   who asks a fiber to yield (sysmon, set_procs): CAS M::req; then store 1, release
//   sysmon, at each pass: exchange 0, acq_rel; then look at the M::req of each busy P; store 1 if
//   one is pending
//   polls: load, relaxed
// The exchange comes before the look, and reads the 1 that it overwrites: so it sees the request
// that this 1 was stored for, and stores it again. No 1 is lost. A poll that comes in between, or
// before the store has reached its processor, goes on until its next turn; one that sees a 1 that
// is out of date finds no request of its own. Both are harmless.
//
// Tested by: tests/unit/preempt_test.cpp
#pragma once

#include <atomic>
#include <cstdint>

#include "weft/detail/export.hpp"

namespace weft::detail {

// Non-zero while some fiber is asked to yield.
extern WEFT_API std::atomic<std::uint32_t> preempt_wanted;

// Yields if it is the calling fiber that is asked. Nothing on plain threads, nor inside the runtime
// (polls stand in weft's own templates too, which user code instantiates). Keeps errno.
WEFT_API void checkpoint_slow() noexcept;

}  // namespace weft::detail
