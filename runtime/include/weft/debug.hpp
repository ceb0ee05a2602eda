// Looking inside a running program: what every fiber is doing, and which of them hang around.
//
//   weft::dump(std::cerr);
//   weft::report_leaks(std::cerr, 10min);
//
// Backtraces are complete, with function, file and line, if weft was built with the headers of
// libunwind and elfutils (WEFT_BACKTRACE) and the libraries libunwind.so.8 and libdw.so.1 are found
// when the first one is made; else they hold what can be had without: see docs/debugging.md.
//
// Environment:
//   WEFT_DUMP=1     dump() to stderr when the process gets SIGQUIT; it goes on afterwards
//   WEFT_LEAKS=ms   report_leaks() of that age to stderr when stop() begins
#pragma once

#include <cstddef>
#include <iosfwd>

#include "weft/clock.hpp"
#include "weft/detail/export.hpp"

namespace weft {

// Writes every fiber: id, name, state; of one that waits, for what kind of event and on which
// object (an address in it), since when (to about a millisecond; to about ten when much runs),
// where it was started, and its backtrace. Those with equal stacks are written together. Plain
// threads that wait in weft are listed, too. From fibers and plain threads. No fiber runs while the
// stacks are looked at, which takes about 20 us per fiber; names are looked up and text is written
// afterwards. If the runtime does not run it says so. Throws what `out` throws; without memory for
// it all the process ends.
WEFT_API void dump(std::ostream& out);

// The same for those fibers only that have waited for at least `min_age`, without plain threads.
// Nothing is written when there are none. Returns their number.
WEFT_API std::size_t report_leaks(std::ostream& out, duration min_age);

}  // namespace weft
