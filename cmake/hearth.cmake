# Warnings, sanitizers and the two helpers every folder uses.
include(FindPkgConfig)

add_library(hearth_flags INTERFACE)
target_compile_definitions(hearth_flags INTERFACE _GNU_SOURCE
  HEARTH_VERSION="${PROJECT_VERSION}")
target_include_directories(hearth_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(hearth_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wvla -Wmissing-prototypes
  -Wstrict-prototypes -Wpointer-arith -Wformat=2 -Wno-sign-conversion
  -UNDEBUG # assertions are executable comments: kept in release
  -fno-strict-aliasing -fno-omit-frame-pointer -fstack-protector-strong)
if(HEARTH_WERROR)
  target_compile_options(hearth_flags INTERFACE -Werror)
endif()
if(HEARTH_SANITIZE)
  target_compile_options(hearth_flags INTERFACE
    -fsanitize=${HEARTH_SANITIZE} -fno-sanitize-recover=undefined)
  target_link_options(hearth_flags INTERFACE -fsanitize=${HEARTH_SANITIZE})
endif()
if(HEARTH_COVERAGE)
  target_compile_options(hearth_flags INTERFACE --coverage)
  target_link_options(hearth_flags INTERFACE --coverage)
endif()
if(HEARTH_FUZZ)
  target_compile_options(hearth_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# hearth_library(NAME SOURCES a.c b.c LINK lib... PACKAGES pkg...)
# A static library with the house flags. PACKAGES are pkg-config names;
# their headers are system headers, so that their warnings stay theirs.
function(hearth_library name)
  cmake_parse_arguments(L "" "" "SOURCES;LINK;PACKAGES" ${ARGN})
  add_library(${name} STATIC ${L_SOURCES})
  target_link_libraries(${name} PUBLIC hearth_flags ${L_LINK})
  foreach(package ${L_PACKAGES})
    string(MAKE_C_IDENTIFIER "PKG_${package}" id)
    if(NOT TARGET PkgConfig::${id})
      pkg_check_modules(${id} REQUIRED IMPORTED_TARGET GLOBAL ${package})
    endif()
    target_link_libraries(${name} PUBLIC PkgConfig::${id})
  endforeach()
endfunction()

# hearth_unit(NAME SOURCES x_test.c LINK lib...): one cmocka program, run by
# `tests/run unit NAME` and by ctest under the label "unit".
function(hearth_unit name)
  cmake_parse_arguments(U "" "" "SOURCES;LINK" ${ARGN})
  if(NOT HEARTH_TESTS)
    return()
  endif()
  if(NOT TARGET PkgConfig::PKG_cmocka)
    pkg_check_modules(PKG_cmocka REQUIRED IMPORTED_TARGET GLOBAL cmocka)
  endif()
  add_executable(unit_${name} ${U_SOURCES})
  target_link_libraries(unit_${name} PRIVATE ${U_LINK} hearth_flags
    PkgConfig::PKG_cmocka)
  target_compile_definitions(unit_${name} PRIVATE
    VECTORS="${PROJECT_SOURCE_DIR}/tests/vectors")
  add_test(NAME unit_${name} COMMAND unit_${name})
  set_tests_properties(unit_${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

# hearth_fuzz(NAME SOURCES x_fuzz.c LINK lib...): one libFuzzer target with
# its corpus in tests/fuzz/corpus/NAME, run by `tests/run fuzz NAME`.
function(hearth_fuzz name)
  cmake_parse_arguments(F "" "" "SOURCES;LINK" ${ARGN})
  if(NOT HEARTH_FUZZ)
    return()
  endif()
  add_executable(fuzz_${name} ${F_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE ${F_LINK} hearth_flags)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()
