# What can be chosen about a build of weft.

option(WEFT_BUILD_TESTS "Build weft's tests" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_BENCH "Build weft's benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_EXAMPLES "Build weft's examples" ${PROJECT_IS_TOP_LEVEL})

set(WEFT_SANITIZE "" CACHE STRING
  "Build with sanitizers: address, thread, undefined or address,undefined")
set_property(CACHE WEFT_SANITIZE PROPERTY STRINGS
  "" "address" "thread" "undefined" "address,undefined")
get_property(weft_sanitize_choices CACHE WEFT_SANITIZE PROPERTY STRINGS)
if(NOT WEFT_SANITIZE IN_LIST weft_sanitize_choices)
  message(FATAL_ERROR "weft: WEFT_SANITIZE is '${WEFT_SANITIZE}', "
    "but must be empty or one of: address, thread, undefined, address,undefined")
endif()

if(PROJECT_IS_TOP_LEVEL)
  option(BUILD_SHARED_LIBS "Build weft as a shared library" OFF)

  get_property(weft_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(NOT CMAKE_BUILD_TYPE AND NOT weft_multi_config)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
  endif()
endif()

# Checks of weft's own invariants cost time on every path, so they are on where time matters least.
if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR WEFT_SANITIZE)
  set(weft_checks_default ON)
else()
  set(weft_checks_default OFF)
endif()
option(WEFT_CHECKS "Check internal invariants while running" ${weft_checks_default})

# Stacks are walked with libunwind and addresses turned into names and lines with elfutils' libdw.
# Only the headers are needed here: both are loaded when a report is printed, and done without if
# they are not there.
set(WEFT_BACKTRACE auto CACHE STRING
  "Backtraces with names and lines: on (headers of libunwind and elfutils required), auto, off")
set_property(CACHE WEFT_BACKTRACE PROPERTY STRINGS auto on off)
if(NOT WEFT_BACKTRACE MATCHES "^(auto|on|off)$")
  message(FATAL_ERROR "weft: WEFT_BACKTRACE is '${WEFT_BACKTRACE}', but must be auto, on or off")
endif()
