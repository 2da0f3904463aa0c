hearth_fuzz(take SOURCES ${CMAKE_CURRENT_LIST_DIR}/take_fuzz.c LINK record_core)
hearth_fuzz(recorder SOURCES ${CMAKE_CURRENT_LIST_DIR}/recorder_fuzz.c
  LINK record_edge)
