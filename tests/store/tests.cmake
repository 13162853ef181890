# What tests of the store share, and the program that they run as another process.
set(ingot_store_fixture "${CMAKE_CURRENT_SOURCE_DIR}/store/store_fixture.cc")
target_sources(${INGOT_TEST_TARGET} PRIVATE "${ingot_store_fixture}")

add_executable(ingot_store_actor "${CMAKE_CURRENT_SOURCE_DIR}/store/store_actor.cc"
                                 "${ingot_store_fixture}" "${CMAKE_CURRENT_SOURCE_DIR}/testing/fault_env.cc")
target_include_directories(ingot_store_actor PRIVATE "${CMAKE_SOURCE_DIR}")
target_link_libraries(ingot_store_actor PRIVATE ingot_store GTest::gmock Threads::Threads)
add_dependencies(${INGOT_TEST_TARGET} ingot_store_actor)
target_compile_definitions(${INGOT_TEST_TARGET} PRIVATE
  INGOT_STORE_ACTOR="$<TARGET_FILE:ingot_store_actor>")
