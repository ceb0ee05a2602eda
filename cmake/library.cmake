# How the library is compiled: language level, visibility, warnings, dependencies.

find_package(Boost 1.74 REQUIRED COMPONENTS context)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

target_compile_features(weft PUBLIC cxx_std_20)
# Private headers are included by their path from the root: "runtime/state/run_queue.hpp".
target_include_directories(weft PRIVATE "${PROJECT_SOURCE_DIR}")
target_link_libraries(weft PUBLIC Threads::Threads PRIVATE Boost::context ${CMAKE_DL_LIBS})

# Before 1.0 each minor version may change the binary interface.
set_target_properties(weft PROPERTIES
  CXX_EXTENSIONS OFF
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON
  POSITION_INDEPENDENT_CODE ON
  VERSION "${PROJECT_VERSION}"
  SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")

# Warnings are for those who work on weft, not for those who build it as a part of theirs.
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(weft PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor>)
endif()

# Public, since templates in public headers may look at them too.
get_target_property(weft_type weft TYPE)
if(weft_type STREQUAL "SHARED_LIBRARY")
  target_compile_definitions(weft PUBLIC WEFT_SHARED)
endif()
if(WEFT_CHECKS)
  target_compile_definitions(weft PUBLIC WEFT_CHECKS=1)
endif()
