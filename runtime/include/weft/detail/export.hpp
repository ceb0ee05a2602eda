// WEFT_API marks what the library offers to code outside it.
//
// Everything is compiled with hidden visibility. In a shared build (the build defines WEFT_SHARED,
// and so does what it installs) the marked names are the ones that leave the library. In a static
// build nothing is marked: a shared library or plugin that contains weft must not offer weft's
// names to the rest of the process.
#pragma once

#if defined(WEFT_SHARED) && defined(__GNUC__)
#define WEFT_API __attribute__((visibility("default")))
#else
#define WEFT_API
#endif
