hearth_fuzz(rtp SOURCES rtp_fuzz.c LINK rtp)
hearth_fuzz(rtcp SOURCES rtcp_fuzz.c LINK rtp)
hearth_fuzz(codec SOURCES codec_fuzz.c LINK rtp)
