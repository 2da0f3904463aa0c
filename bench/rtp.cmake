foreach(part rewrite srtp)
  add_executable(bench_${part} ${CMAKE_CURRENT_LIST_DIR}/${part}.c)
  target_link_libraries(bench_${part} PRIVATE rtp)
endforeach()
