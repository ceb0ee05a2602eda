# cmake -DPREFIX= -DSOURCE= -DPROGRAM= -DVERSION= -DCOMPILER= -DPKG_CONFIG= -P pkg_config.cmake
#
# Builds a program with nothing but what pkg-config says, and runs it.

file(GLOB_RECURSE package "${PREFIX}/*/weft.pc")
get_filename_component(package_dir "${package}" DIRECTORY)
get_filename_component(library_dir "${package_dir}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} "${package_dir}")
set(ENV{LD_LIBRARY_PATH} "${library_dir}")

execute_process(COMMAND "${PKG_CONFIG}" --modversion weft
  OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT version STREQUAL VERSION)
  message(FATAL_ERROR "weft.pc says version ${version}, not ${VERSION}")
endif()

execute_process(COMMAND "${PKG_CONFIG}" --cflags --libs weft
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(COMMAND "${COMPILER}" -std=c++20 "${SOURCE}" ${flags} -o "${PROGRAM}"
  COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${PROGRAM}" COMMAND_ERROR_IS_FATAL ANY)
