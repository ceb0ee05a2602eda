// A shared library that is used if it is there.
#pragma once

namespace weft::detail {

// What dlopen() returns; null: not there, or this program is linked statically, where loading a
// library brings a second C library with it. Its names are not offered to other libraries.
void* load_optional_library(const char* name) noexcept;

}  // namespace weft::detail
