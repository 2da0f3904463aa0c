hearth_fuzz(matrix_event SOURCES matrix_event_fuzz.c LINK matrix_bot)
