// The version of weft. CMake reads it from here, so that it stands in one place only.
#pragma once

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0

namespace weft {

inline constexpr int version_major = WEFT_VERSION_MAJOR;
inline constexpr int version_minor = WEFT_VERSION_MINOR;
inline constexpr int version_patch = WEFT_VERSION_PATCH;

}  // namespace weft
