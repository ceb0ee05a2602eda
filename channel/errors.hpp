// Throwing out of line, so that the operations stay small.
#pragma once

namespace weft::detail {

[[noreturn]] void throw_closed_send();
[[noreturn]] void throw_closed_close();
[[noreturn]] void throw_nil_close();

}  // namespace weft::detail
