hearth_fuzz(stun SOURCES ${CMAKE_CURRENT_LIST_DIR}/stun_fuzz.c LINK ice)
hearth_fuzz(candidate SOURCES ${CMAKE_CURRENT_LIST_DIR}/candidate_fuzz.c
  LINK ice)
