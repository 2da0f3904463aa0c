hearth_fuzz(feed SOURCES ${CMAKE_CURRENT_LIST_DIR}/feed_fuzz.c LINK feed)
