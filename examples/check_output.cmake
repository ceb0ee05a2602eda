# Runs PROGRAM; it must end with 0 and print what its SOURCE promises: the lines of the comment
# after "// Prints:", and what follows "// prints " at the end of lines, in that order.

execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE status OUTPUT_VARIABLE printed)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with '${status}' after printing:\n${printed}")
endif()

file(READ "${SOURCE}" rest)
set(promised "")
set(in_list FALSE)
while(NOT rest STREQUAL "")
  string(FIND "${rest}" "\n" length)
  string(SUBSTRING "${rest}" 0 ${length} line)
  math(EXPR after "${length} + 1")
  string(SUBSTRING "${rest}" ${after} -1 rest)
  if(in_list AND line MATCHES "^//   (.*)$")
    string(APPEND promised "${CMAKE_MATCH_1}\n")
  else()
    set(in_list FALSE)
    if(line STREQUAL "// Prints:")
      set(in_list TRUE)
    elseif(line MATCHES " // prints (.*)$")
      string(APPEND promised "${CMAKE_MATCH_1}\n")
    endif()
  endif()
endwhile()

if(NOT promised STREQUAL "" AND NOT printed STREQUAL promised)
  message(FATAL_ERROR
    "${PROGRAM} printed\n${printed}but ${SOURCE} promises\n${promised}")
endif()
