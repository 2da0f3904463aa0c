hearth_fuzz(studio_manifest SOURCES ${CMAKE_CURRENT_LIST_DIR}/studio_manifest_fuzz.c LINK studio)
