hearth_fuzz(rtp SOURCES ${CMAKE_CURRENT_LIST_DIR}/rtp_fuzz.c LINK rtp)
hearth_fuzz(rtcp SOURCES ${CMAKE_CURRENT_LIST_DIR}/rtcp_fuzz.c LINK rtp)
hearth_fuzz(codec SOURCES ${CMAKE_CURRENT_LIST_DIR}/codec_fuzz.c LINK rtp)
hearth_fuzz(dependency SOURCES ${CMAKE_CURRENT_LIST_DIR}/dependency_fuzz.c
  LINK rtp)
hearth_fuzz(repair SOURCES ${CMAKE_CURRENT_LIST_DIR}/repair_fuzz.c LINK rtp)
hearth_fuzz(twcc SOURCES ${CMAKE_CURRENT_LIST_DIR}/twcc_fuzz.c LINK rtp)
