# cmake -P refuse.cmake -- <source> <compiler> <flag>...
#
# Compiles a source that must compile as it stands and must be refused with -DWEFT_WRONG, for the
# reason that its line "// Refused: <regular expression>" gives. Without the first half a test could
# pass because of a misspelt name, without the reason because of any other error.

set(arguments "")
set(mine FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(mine)
    list(APPEND arguments "${CMAKE_ARGV${i}}")
  elseif(CMAKE_ARGV${i} STREQUAL "--")
    set(mine TRUE)
  endif()
endforeach()
list(POP_FRONT arguments source)

# The compilers' English, with plain quotes.
set(ENV{LC_ALL} C)

file(STRINGS "${source}" refused REGEX "^// Refused: " LIMIT_COUNT 1)
if(NOT refused)
  message(FATAL_ERROR "${source} has no line '// Refused: <regular expression>'")
endif()
string(REPLACE "// Refused: " "" refused "${refused}")

execute_process(COMMAND ${arguments} "${source}"
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "the right twin does not compile")
endif()

execute_process(COMMAND ${arguments} -DWEFT_WRONG "${source}"
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "the wrong twin compiles")
endif()
if(NOT output MATCHES "error: [^\n]*${refused}")
  message("${output}")
  message(FATAL_ERROR "refused for another reason than '${refused}'")
endif()
