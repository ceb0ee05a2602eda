# What backtraces are made with: see WEFT_BACKTRACE in options.cmake. Headers only, nothing is linked.

target_link_libraries(weft PRIVATE ${CMAKE_DL_LIBS})

# weft_backtrace_header(<what> <header> <definition>)
function(weft_backtrace_header what header definition)
  find_path(${definition}_INCLUDE_DIR NAMES "${header}" DOC "Where <${header}> is")
  mark_as_advanced(${definition}_INCLUDE_DIR)
  if(${definition}_INCLUDE_DIR)
    target_compile_definitions(weft PRIVATE ${definition})
    # Only what is not searched anyway: the multi-arch folder also has an unwind.h that must not
    # come before the compiler's.
    if(NOT ${definition}_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
      target_include_directories(weft SYSTEM PRIVATE "${${definition}_INCLUDE_DIR}")
    endif()
  elseif(WEFT_BACKTRACE STREQUAL "on")
    message(FATAL_ERROR "weft: WEFT_BACKTRACE is on, but there is no <${header}> of ${what}")
  endif()
endfunction()

if(NOT WEFT_BACKTRACE STREQUAL "off")
  # LLVM has a libunwind.h too, for another library; it has no libunwind-common.h.
  weft_backtrace_header(libunwind libunwind-common.h WEFT_WITH_LIBUNWIND)
  weft_backtrace_header(elfutils elfutils/libdwfl.h WEFT_WITH_LIBDW)
endif()
