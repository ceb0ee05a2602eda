# weft_enable_preemption(<target>)
#
# Lets fibers that run code of this target be asked to yield at every branch, also in loops that
# call nothing: the compiler inserts a poll there, which costs a call and a load. The target is an
# executable or library of C or C++ code; it is linked with weft, statically or not. Code that holds
# a std::mutex must not stand in such a target. docs/preemption.md has the rest.

function(weft_enable_preemption target)
  if(NOT TARGET "${target}")
    message(FATAL_ERROR "weft_enable_preemption: '${target}' is not a target")
  endif()
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "^(GNU|Clang|AppleClang)$")
    message(FATAL_ERROR "weft_enable_preemption: needs gcc or clang, "
      "the compiler is ${CMAKE_CXX_COMPILER_ID}")
  endif()
  foreach(language C CXX)
    target_compile_options("${target}" PRIVATE
      "$<$<COMPILE_LANG_AND_ID:${language},GNU>:-fsanitize-coverage=trace-pc>"
      "$<$<COMPILE_LANG_AND_ID:${language},Clang,AppleClang>:-fsanitize-coverage=edge,trace-pc>")
  endforeach()
  target_link_libraries("${target}" PRIVATE weft::preemption)
endfunction()
