target_sources(${INGOT_TEST_TARGET} PRIVATE
               "${CMAKE_CURRENT_SOURCE_DIR}/models/expert_layouts.cc"
               "${CMAKE_CURRENT_SOURCE_DIR}/models/golden_check.cc"
               "${CMAKE_CURRENT_SOURCE_DIR}/models/packed_checkpoint.cc"
               "${CMAKE_CURRENT_SOURCE_DIR}/models/seeded_checkpoint.cc")
