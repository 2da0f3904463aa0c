# Composing: what is shown when, what is drawn, and the whole with ffmpeg.
foreach(part plan compose_text compose_ass)
  hearth_unit(record_${part} SOURCES ${part}_test.c LINK record_compose)
endforeach()
foreach(part compose compose_fails)
  hearth_unit(record_${part} SOURCES ${part}_test.c compose_film.c
    LINK record_compose record_edge)
  if(HEARTH_TESTS)
    target_compile_definitions(unit_record_${part} PRIVATE
      RECORDER="$<TARGET_FILE:hearth-record>")
    add_dependencies(unit_record_${part} hearth-record)
    set_tests_properties(unit_record_${part} PROPERTIES TIMEOUT 900)
  endif()
endforeach()
