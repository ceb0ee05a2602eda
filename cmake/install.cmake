# Installs the library, its headers, a package for find_package(weft) and one for pkg-config.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(weft_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weft")

set(weft_installed weft weft_preemption)
if(TARGET weft_mutex_check)
  list(APPEND weft_installed weft_mutex_check)
endif()
install(TARGETS ${weft_installed} EXPORT weft-targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT weft-targets NAMESPACE weft:: DESTINATION "${weft_cmake_dir}")

# A static library leaves Boost.Context to whoever links it; a shared one brings it along.
if(weft_type STREQUAL "SHARED_LIBRARY")
  set(weft_find_boost "")
else()
  set(weft_find_boost "find_dependency(Boost 1.74 COMPONENTS context)")
endif()
configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/weft-config.cmake.in" "${PROJECT_BINARY_DIR}/weft-config.cmake"
  INSTALL_DESTINATION "${weft_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/weft-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/weft-config.cmake"
  "${PROJECT_BINARY_DIR}/weft-config-version.cmake"
  DESTINATION "${weft_cmake_dir}")
install(FILES "${CMAKE_CURRENT_LIST_DIR}/preemption.cmake" RENAME weft-preemption.cmake
  DESTINATION "${weft_cmake_dir}")

# The .pc file says what CMake's exported target says: the public definitions and options, and, for
# a static library, what has to be linked after it.
get_target_property(weft_pc_definitions weft INTERFACE_COMPILE_DEFINITIONS)
get_target_property(weft_pc_options weft INTERFACE_COMPILE_OPTIONS)
get_target_property(weft_pc_link_options weft INTERFACE_LINK_OPTIONS)
set(weft_pc_cflags "-pthread")
foreach(definition IN LISTS weft_pc_definitions)
  if(definition)
    string(APPEND weft_pc_cflags " -D${definition}")
  endif()
endforeach()
foreach(option IN LISTS weft_pc_options)
  if(option)
    string(APPEND weft_pc_cflags " ${option}")
  endif()
endforeach()
set(weft_pc_libs "-lweft")
foreach(option IN LISTS weft_pc_link_options)
  if(option)
    string(APPEND weft_pc_libs " ${option}")
  endif()
endforeach()
if(NOT weft_type STREQUAL "SHARED_LIBRARY")
  string(APPEND weft_pc_libs " -lboost_context -pthread")
  foreach(library IN LISTS CMAKE_DL_LIBS)
    string(APPEND weft_pc_libs " -l${library}")
  endforeach()
endif()
# Relative to the file itself where that is possible, so that an install can be moved.
set(weft_pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(weft_pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH weft_pc_up "/${weft_pc_dir}" "/")
  string(REGEX REPLACE "/$" "" weft_pc_prefix "\${pcfiledir}/${weft_pc_up}")
endif()
foreach(dir LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(weft_pc_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(weft_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
configure_file("${CMAKE_CURRENT_LIST_DIR}/weft.pc.in" "${PROJECT_BINARY_DIR}/weft.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/weft.pc" DESTINATION "${weft_pc_dir}")
