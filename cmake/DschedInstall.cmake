# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: tools, man pages, schemas, and the library as a CMake package
# (find_package(dsched) gives dsched::session and its like, one target per line of lib/LADDER).
include(CMakePackageConfigHelpers)

if(DSCHED_TOOLS)
  install(TARGETS ${DSCHED_TOOLS} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

foreach(section 1 5 7)
  file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

file(GLOB schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/schemas/*.json)
install(FILES ${schemas} DESTINATION ${CMAKE_INSTALL_DATADIR}/dsched/schemas)

list(TRANSFORM DSCHED_MODULES PREPEND dsched_ OUTPUT_VARIABLE module_targets)
install(TARGETS ${module_targets} EXPORT dsched
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/dsched
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dsched
  FILE_SET alone DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dsched)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/dsched)
install(EXPORT dsched NAMESPACE dsched:: FILE dschedTargets.cmake DESTINATION ${package})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/dschedConfig.cmake.in
  ${PROJECT_BINARY_DIR}/dschedConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dschedConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dschedConfig.cmake
  ${PROJECT_BINARY_DIR}/dschedConfigVersion.cmake DESTINATION ${package})
