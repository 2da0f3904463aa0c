hearth_fuzz(matrix_event SOURCES matrix_event_fuzz.c LINK matrix_bot)
hearth_fuzz(matrix_words SOURCES matrix_words_fuzz.c LINK matrix_bot)
