# What several test files share.
target_sources(${INGOT_TEST_TARGET} PRIVATE
               "${CMAKE_CURRENT_LIST_DIR}/demo_server.cc" "${CMAKE_CURRENT_LIST_DIR}/golden.cc")
