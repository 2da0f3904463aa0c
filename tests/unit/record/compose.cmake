# Composing: what is shown when, what is drawn, and the whole with ffmpeg.
foreach(part plan compose_text compose_ass)
  hearth_unit(record_${part} SOURCES ${part}_test.c LINK record_compose)
endforeach()
hearth_unit(record_compose SOURCES compose_test.c compose_film.c
  LINK record_compose record_edge)
if(HEARTH_TESTS)
  target_compile_definitions(unit_record_compose PRIVATE
    RECORDER="$<TARGET_FILE:hearth-record>")
  add_dependencies(unit_record_compose hearth-record)
  set_tests_properties(unit_record_compose PROPERTIES TIMEOUT 900)
endif()
