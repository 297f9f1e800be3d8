# SPDX-License-Identifier: Apache-2.0
# Language level, warnings and sanitizers, the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Assertions of our own (DSCHED_ASSERT) stay on in every build; -O2 keeps Release compile times low.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

add_library(dsched_flags INTERFACE)
target_compile_features(dsched_flags INTERFACE cxx_std_20)
target_compile_options(dsched_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
# g++ 12 warns of overlapping copies in `"x" + std::string` at -O2, where there are none
# (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(dsched_flags INTERFACE -Wno-restrict)
endif()
option(DSCHED_WERROR "Warnings are errors" OFF)
if(DSCHED_WERROR)
  target_compile_options(dsched_flags INTERFACE -Werror)
endif()
set(DSCHED_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")
if(DSCHED_SANITIZE)
  add_compile_options(-fsanitize=${DSCHED_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DSCHED_SANITIZE})
endif()
