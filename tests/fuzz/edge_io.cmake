hearth_fuzz(wire SOURCES ${CMAKE_CURRENT_LIST_DIR}/wire_fuzz.c LINK sfu_edge)
