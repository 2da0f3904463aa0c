# The load generator is made of the simulation's client.
if(NOT TARGET sim_client)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/sim
    ${CMAKE_BINARY_DIR}/bench/sim)
endif()

# What benchmarks with a worker share: loop, seam, load, measures, report.
hearth_library(bench_stage
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/load.c ${CMAKE_CURRENT_LIST_DIR}/load_crowd.c
    ${CMAKE_CURRENT_LIST_DIR}/load_pace.c ${CMAKE_CURRENT_LIST_DIR}/load_side.c
    ${CMAKE_CURRENT_LIST_DIR}/load_foreign.c
    ${CMAKE_CURRENT_LIST_DIR}/load_socket.c ${CMAKE_CURRENT_LIST_DIR}/measure.c
    ${CMAKE_CURRENT_LIST_DIR}/inside.c
    ${CMAKE_CURRENT_LIST_DIR}/report.c ${CMAKE_CURRENT_LIST_DIR}/stage.c
  LINK sim_client sfu_edge)

# The worker that lends itself, with its phases told apart (bench/inside.h).
add_library(bench_inside OBJECT
  ${CMAKE_CURRENT_LIST_DIR}/bare.c ${CMAKE_CURRENT_LIST_DIR}/inside_wrap.c)
target_link_libraries(bench_inside PUBLIC bench_stage)
foreach(name udp_receive crypt_open_batch outbox_seal outbox_settle udp_send
    worker_turn_begin worker_turn_end)
  target_link_options(bench_inside INTERFACE LINKER:--wrap=${name})
endforeach()

add_executable(bench_forward
  ${CMAKE_CURRENT_LIST_DIR}/forward.c ${CMAKE_CURRENT_LIST_DIR}/scenario.c)
target_link_libraries(bench_forward PRIVATE bench_inside)
foreach(name latency scale)
  add_executable(bench_${name} ${CMAKE_CURRENT_LIST_DIR}/${name}.c
    ${CMAKE_CURRENT_LIST_DIR}/common.c)
  target_link_libraries(bench_${name} PRIVATE bench_inside)
endforeach()

# What a result has to name. mbedTLS 2.28 has no pkg-config file.
file(STRINGS ${MBEDTLS_INCLUDE}/mbedtls/version.h line
  REGEX "define MBEDTLS_VERSION_STRING ")
string(REGEX MATCH "[0-9][0-9.]*" bench_mbedtls "${line}")
target_compile_definitions(bench_stage PRIVATE
  BENCH_LIBSRTP2="${PKG_libsrtp2_VERSION}" BENCH_MBEDTLS="${bench_mbedtls}"
  BENCH_USRSCTP="${PKG_usrsctp_VERSION}" BENCH_LIBNICE="${PKG_nice_VERSION}"
  BENCH_COMPILER="${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}"
  BENCH_BUILD="$<CONFIG>")

add_executable(bench_recording
  ${CMAKE_CURRENT_LIST_DIR}/recording.c ${CMAKE_CURRENT_LIST_DIR}/tape.c)
target_link_libraries(bench_recording PRIVATE bench_stage
  PkgConfig::PKG_libcjson)
target_compile_definitions(bench_recording PRIVATE
  BENCH_RECORDER="$<TARGET_FILE:hearth-record>")
add_dependencies(bench_recording hearth-record)

# No judgement of times: they must still connect, forward and record.
if(HEARTH_TESTS)
  add_test(NAME interop_bench_forward
    COMMAND bench_forward --receivers 3 --seconds 3 --receive gro)
  set_tests_properties(interop_bench_forward PROPERTIES
    LABELS interop TIMEOUT 180)
  add_test(NAME interop_bench_recording
    COMMAND bench_recording --publishers 3 --seconds 3 --rounds 1)
  set_tests_properties(interop_bench_recording PROPERTIES
    LABELS interop TIMEOUT 180)
endif()
