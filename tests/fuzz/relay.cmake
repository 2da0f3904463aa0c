hearth_fuzz(relay SOURCES ${CMAKE_CURRENT_LIST_DIR}/relay_fuzz.c LINK sfu_core)
