# One peer, and a whole conference. What the core draws at random is the same
# for the same input.
set(parts_of_conference conference_check.c)
foreach(part peer conference)
  hearth_fuzz(${part} SOURCES ${part}_fuzz.c ${parts_of_${part}} LINK sfu_core sim_client)
  if(TARGET fuzz_${part})
    set_target_properties(fuzz_${part} PROPERTIES ENABLE_EXPORTS ON)
    target_link_options(fuzz_${part} PRIVATE -Wl,--wrap=cert_random)
  endif()
endforeach()
