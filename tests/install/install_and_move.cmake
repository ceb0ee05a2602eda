# cmake -DBUILD=<dir> -DFIRST=<prefix> -DMOVED=<prefix> -P install_and_move.cmake
#
# An install must not know where it was put, so it is used from another place than it was made in.

file(REMOVE_RECURSE "${FIRST}" "${MOVED}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${FIRST}"
  COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${FIRST}" "${MOVED}")
