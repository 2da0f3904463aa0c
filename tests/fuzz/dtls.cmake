hearth_fuzz(hello SOURCES hello_fuzz.c LINK dtls)
hearth_fuzz(dcep SOURCES dcep_fuzz.c LINK dtls)
hearth_fuzz(assoc SOURCES assoc_fuzz.c LINK dtls)
hearth_fuzz(dtls SOURCES dtls_fuzz.c LINK dtls)
