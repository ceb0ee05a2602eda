// How the templates of go() and spawn() hand a closure to the runtime.
//
// A fiber's record keeps the closure itself when it fits, so that starting a fiber allocates
// nothing. The calls: new_fiber, construct the closure in the memory it names, start_fiber (or
// discard_fiber when the construction threw). A spawned fiber's memory stays until its handle
// calls release_fiber.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weft/detail/export.hpp"

// A function that is always compiled into its caller, so that the return address of what it calls
// says where a fiber was started.
#define WEFT_CALL_SITE [[gnu::always_inline]] inline

namespace weft {

struct fiber_options;

namespace detail {

struct G;

using entry_fn = void (*)(void* closure);

inline constexpr std::size_t inline_closure_size = 64;

struct fiber_slot {
  G* g;
  void* memory;
};

// Starts the runtime if it does not run. Throws std::bad_alloc or std::system_error.
// Not inlined, as go_words: its return address is where the fiber was started.
[[gnu::noinline]] WEFT_API fiber_slot new_fiber(const fiber_options* options, std::size_t size,
                                                std::size_t align);
WEFT_API void discard_fiber(G* g) noexcept;
WEFT_API void start_fiber(G* g, entry_fn body, bool joinable) noexcept;

// All three for a closure of up to inline_closure_size bytes that may be copied as bytes,
// given as 1 to 8 words.
[[gnu::noinline]] WEFT_API void go_words(entry_fn body, const std::uint64_t* closure,
                                         std::size_t words);

// Waits until the spawned fiber has ended. With `patient`, stop() lets the wait go on as long as
// the fiber can still end; false then: it cannot. Otherwise throws weft::unwind at stop().
WEFT_API bool join_fiber(G* g, bool patient);
WEFT_API bool fiber_ended(const G* g) noexcept;
WEFT_API void release_fiber(G* g) noexcept;
WEFT_API std::uint64_t fiber_number(const G* g) noexcept;

}  // namespace detail
}  // namespace weft
