hearth_fuzz(sdp SOURCES ${CMAKE_CURRENT_LIST_DIR}/sdp_fuzz.c LINK sdp)
