# edge_base: the log and the configuration, for the edge and the fronts.
# Included by sfu/CMakeLists.txt.
hearth_library(edge_base SOURCES
  ${PROJECT_SOURCE_DIR}/sfu/log.c
  ${PROJECT_SOURCE_DIR}/sfu/config.c
  ${PROJECT_SOURCE_DIR}/sfu/config_check.c
  ${PROJECT_SOURCE_DIR}/sfu/config_schema.c
  ${PROJECT_SOURCE_DIR}/sfu/config_lines.c
  PACKAGES libcyaml yaml-0.1)
