// What the state floor asks of the scheduler on behalf of plain threads; defined there.
#pragma once

namespace weft::detail {

class timer_heap;

// Starts the runtime if none runs, and keeps stop() from freeing the heap until the end.
void begin_outside_timer();
void end_outside_timer() noexcept;

// The heap that takes the timers of plain threads, and the word that one of them is now its
// earliest: the P's M may be asleep for longer.
timer_heap& outside_timer_heap() noexcept;
void outside_timer_is_first() noexcept;

// A plain thread has called into weft for the first time; it ends.
void plain_thread_comes() noexcept;
void plain_thread_goes() noexcept;

// Ends the fiber-local values of a stand-in whose thread ends; runs user code.
struct G;
void destroy_locals(G* g) noexcept;

}  // namespace weft::detail
