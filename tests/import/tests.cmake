target_sources(${INGOT_TEST_TARGET} PRIVATE
  "${CMAKE_CURRENT_LIST_DIR}/source_folder.cc" "${CMAKE_CURRENT_LIST_DIR}/model_maker.cc")
