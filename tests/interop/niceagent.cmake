# libnice's NiceAgent, a full agent of other people's making, against ice/.
if(HEARTH_TESTS)
  if(NOT TARGET PkgConfig::PKG_cmocka)
    pkg_check_modules(PKG_cmocka REQUIRED IMPORTED_TARGET GLOBAL cmocka)
  endif()
  add_executable(interop_niceagent
    ${CMAKE_CURRENT_LIST_DIR}/niceagent_test.c)
  target_link_libraries(interop_niceagent PRIVATE ice PkgConfig::PKG_cmocka)
  add_test(NAME interop_niceagent COMMAND interop_niceagent)
  set_tests_properties(interop_niceagent PROPERTIES LABELS interop TIMEOUT 120)
endif()
