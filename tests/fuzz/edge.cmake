hearth_fuzz(config SOURCES ${CMAKE_CURRENT_LIST_DIR}/config_fuzz.c
  LINK edge_base)
