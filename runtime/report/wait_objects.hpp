// What a fiber waits for: the objects behind its wait.
#pragma once

#include <cstddef>

#include "runtime/state/g.hpp"

namespace weft::detail {

// Addresses in the objects (a channel's is its core, which all its handles share). Up to `most`
// into `out`; how many there are. Nothing for waits that are for no object. The fiber or thread
// must not resume meanwhile.
std::size_t wait_objects(const G& g, const void** out, std::size_t most) noexcept;

// The same for a select; defined by the room that has it.
std::size_t selected_objects(const cancel_point* select, const void** out,
                             std::size_t most) noexcept;

}  // namespace weft::detail
