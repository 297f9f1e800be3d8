# SPDX-License-Identifier: Apache-2.0
# One static library per line of lib/LADDER, linked with exactly what the line names.

# Builds for tests join the sources of each target into one unit: their cost is in the headers. It
# hides missing includes; presets release and dev compile source by source.
option(DSCHED_UNITY "Compile each target's sources as one unit" OFF)
set(DSCHED_UNITY_EXCEPT "" CACHE STRING "Targets compiled source by source even so")
if(DSCHED_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 0)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A source's own types in its unnamed namespace look to g++ as if they stood in a header.
    add_compile_options(-Wno-subobject-linkage)
  endif()
endif()

# What a module needs from outside, beside the standard library.
set(DSCHED_EXTERNAL_base OpenSSL::Crypto)
set(DSCHED_EXTERNAL_wire nlohmann_json::nlohmann_json)
set(DSCHED_EXTERNAL_sys SQLite::SQLite3 Threads::Threads)
set(DSCHED_EXTERNAL_store PkgConfig::ZSTD nlohmann_json::nlohmann_json)
set(DSCHED_EXTERNAL_executor Threads::Threads)
set(DSCHED_EXTERNAL_report nlohmann_json::nlohmann_json)
set(DSCHED_EXTERNAL_session nlohmann_json::nlohmann_json)
set(DSCHED_EXTERNAL_cli CLI11::CLI11 nlohmann_json::nlohmann_json)

# Those of the headers that have no .cpp beside them.
function(dsched_headers_without_source result)
  set(alone)
  foreach(header IN LISTS ARGN)
    cmake_path(REPLACE_EXTENSION header cpp OUTPUT_VARIABLE source)
    if(NOT EXISTS ${source})
      list(APPEND alone ${header})
    endif()
  endforeach()
  set(${result} ${alone} PARENT_SCOPE)
endfunction()

# Reads lib/LADDER into DSCHED_MODULES and, for each module, DSCHED_LADDER_<module>.
function(dsched_add_modules root)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${root}/LADDER)
  file(STRINGS ${root}/LADDER lines REGEX "^[a-z]")
  set(modules)
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^([a-z]+) *: *(.*)$" _ "${line}")
    set(module ${CMAKE_MATCH_1})
    separate_arguments(allowed UNIX_COMMAND "${CMAKE_MATCH_2}")
    file(GLOB sources CONFIGURE_DEPENDS ${root}/${module}/*.cpp)
    file(GLOB headers CONFIGURE_DEPENDS ${root}/${module}/*.h)
    list(APPEND modules ${module})
    set(target dsched_${module})
    if(sources)
      set(scope PUBLIC)
      add_library(${target} STATIC ${sources})
      target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:dsched_flags>)
    else()
      set(scope INTERFACE)
      add_library(${target} INTERFACE)
    endif()
    add_library(dsched::${module} ALIAS ${target})
    dsched_headers_without_source(alone ${headers})
    list(REMOVE_ITEM headers ${alone})
    # A source includes its own header first (tests/house sees to it), which shows that the header
    # needs nothing before it. `all_verify_interface_header_sets` compiles the other headers alone.
    target_sources(${target} ${scope}
      FILE_SET HEADERS BASE_DIRS ${root} FILES ${headers}
      FILE_SET alone TYPE HEADERS BASE_DIRS ${root} FILES ${alone})
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${module}
      VERIFY_INTERFACE_HEADER_SETS ON INTERFACE_HEADER_SETS_TO_VERIFY alone)
    target_compile_features(${target} ${scope} cxx_std_20)
    foreach(other IN LISTS allowed)
      target_link_libraries(${target} ${scope} dsched_${other})
    endforeach()
    target_link_libraries(${target} ${scope} ${DSCHED_EXTERNAL_${module}})
  endforeach()
  if(TARGET dsched_cli)
    get_target_property(kind dsched_cli TYPE)
    if(NOT kind STREQUAL INTERFACE_LIBRARY)
      target_compile_definitions(dsched_cli PRIVATE DSCHED_VERSION="${PROJECT_VERSION}")
    endif()
  endif()
  set(DSCHED_MODULES ${modules} PARENT_SCOPE)
endfunction()

# One executable per folder of tools/: a thin main over the cli module.
function(dsched_add_tools root)
  set(tools)
  file(GLOB mains CONFIGURE_DEPENDS ${root}/*/main.cpp)
  foreach(main IN LISTS mains)
    cmake_path(GET main PARENT_PATH folder)
    cmake_path(GET folder FILENAME tool)
    add_executable(${tool} ${main})
    target_link_libraries(${tool} PRIVATE dsched_cli dsched_flags)
    set_target_properties(${tool} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    # Another 0.4 ms less to load; sanitizers bring their own ideas of these libraries.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT DSCHED_SANITIZE)
      target_link_options(${tool} PRIVATE -static-libstdc++ -static-libgcc)
    endif()
    list(APPEND tools ${tool})
  endforeach()
  set(DSCHED_TOOLS ${tools} PARENT_SCOPE)
endfunction()

# Two sources of a target may use one name for different things; then they are not joined.
function(dsched_separate_units)
  foreach(target IN LISTS DSCHED_UNITY_EXCEPT)
    set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  endforeach()
endfunction()
