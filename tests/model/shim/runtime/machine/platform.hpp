// The operating system as the models see it: takes the place of runtime/machine/platform.hpp.
//
// Time is the explorer's. A wait with a timeout may end at any moment by its deadline, and the
// clock then stands at that deadline. futex_wake wakes the longest waiting.
#pragma once

#include "tests/model/shim.hpp"

namespace weft::detail {

inline constexpr std::size_t cache_line = 64;

using mark_word = std::atomic<std::uint32_t>;

inline void cpu_relax() noexcept {}
inline void yield_thread() noexcept { weft_model::explorer::get().pause(); }

inline void full_fence() noexcept {
  auto& e = weft_model::explorer::get();
  e.point("full fence", nullptr);
  e.drain_own();
}

inline void fence_after_rmw() noexcept {}  // x86: the RMW is one already

// How much time passes between two looks at the clock.
inline std::int64_t model_clock_step = 0;
inline std::int64_t monotonic_ns() noexcept {
  return weft_model::explorer::get().now += model_clock_step;
}

struct model_sleeper {
  const void* word;
  bool woken;
  bool timed;
};

inline bool futex_wait(const std::atomic<std::uint32_t>* word, std::uint32_t expected,
                       std::int64_t timeout_ns) noexcept {
  auto& e = weft_model::explorer::get();
  e.drain_own();
  if (word->load() != expected) {
    return true;
  }
  const std::int64_t deadline = e.now + timeout_ns;
  model_sleeper me{word, false, timeout_ns >= 0};
  e.sleepers.push_back(&me);
  e.block(
      "futex_wait",
      [](void* s) {
        const auto* sleeper = static_cast<model_sleeper*>(s);
        return sleeper->woken || (sleeper->timed && weft_model::explorer::get().may_time_out());
      },
      &me, true);
  std::erase(e.sleepers, &me);
  if (!me.woken) {
    e.timed_out(deadline);
  }
  return me.woken;
}

inline void futex_wake(const std::atomic<std::uint32_t>* word, int count) noexcept {
  auto& e = weft_model::explorer::get();
  e.point("futex_wake", nullptr);  // the word is not read
  e.drain_own();
  for (void* sleeper : e.sleepers) {
    auto* const s = static_cast<model_sleeper*>(sleeper);
    if (count > 0 && s->word == word && !s->woken) {
      s->woken = true;
      --count;
    }
  }
}

inline bool register_membarrier() noexcept { return true; }
inline bool process_membarrier() noexcept {
  weft_model::explorer::get().drain_all_one_by_one();
  return true;
}

inline void prepare_runtime_thread(const char*) noexcept {}
inline int current_thread_id() noexcept { return 1; }
inline void set_kernel_slice(int, std::int64_t) noexcept {}
inline int affinity_cpus() noexcept { return 2; }

}  // namespace weft::detail
