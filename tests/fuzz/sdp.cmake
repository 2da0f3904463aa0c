hearth_fuzz(sdp SOURCES sdp_fuzz.c LINK sdp)
