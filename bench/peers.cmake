# hearth beside other servers; bench/run peers installs and builds those.
add_executable(bench_peers ${CMAKE_CURRENT_LIST_DIR}/peers/peers.c
  ${CMAKE_CURRENT_LIST_DIR}/peers/table.c ${CMAKE_CURRENT_LIST_DIR}/peers/round.c
  ${CMAKE_CURRENT_LIST_DIR}/peers/foreign.c ${CMAKE_CURRENT_LIST_DIR}/common.c)
target_link_libraries(bench_peers PRIVATE bench_inside PkgConfig::PKG_libcjson)
target_compile_definitions(bench_peers PRIVATE
  BENCH_PEERS="${CMAKE_CURRENT_LIST_DIR}/peers")

# No judgement of times: Janus and the generator must understand each other.
if(HEARTH_TESTS)
  add_test(NAME interop_bench_peers COMMAND
    ${CMAKE_CURRENT_LIST_DIR}/peers/net $<TARGET_FILE:bench_peers>
    --servers hearth,janus-loops,janus-threads --receivers 3 --seconds 3
    --no-pin)
  set_tests_properties(interop_bench_peers PROPERTIES
    LABELS interop TIMEOUT 180)
endif()
