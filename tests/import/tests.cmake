target_sources(${INGOT_TEST_TARGET} PRIVATE
  "${CMAKE_CURRENT_LIST_DIR}/source_folder.cc" "${CMAKE_CURRENT_LIST_DIR}/model_maker.cc"
  "${CMAKE_CURRENT_SOURCE_DIR}/models/seeded_checkpoint.cc")
