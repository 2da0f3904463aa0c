hearth_fuzz(take SOURCES ${CMAKE_CURRENT_LIST_DIR}/take_fuzz.c LINK record_core)
