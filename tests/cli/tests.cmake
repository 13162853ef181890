# Checkpoints with known logits, imported and run.
target_sources(${INGOT_TEST_TARGET} PRIVATE
               "${CMAKE_CURRENT_SOURCE_DIR}/cli/golden_store.cc"
               "${CMAKE_CURRENT_SOURCE_DIR}/models/golden_check.cc"
               "${CMAKE_CURRENT_SOURCE_DIR}/models/packed_checkpoint.cc"
               "${CMAKE_CURRENT_SOURCE_DIR}/models/seeded_checkpoint.cc")
target_sources(${INGOT_TEST_TARGET} PRIVATE
  "${CMAKE_CURRENT_SOURCE_DIR}/import/source_folder.cc"
  "${CMAKE_CURRENT_SOURCE_DIR}/import/model_maker.cc")
# The program itself, for tests of what its process does.
add_dependencies(${INGOT_TEST_TARGET} ingot)
target_compile_definitions(${INGOT_TEST_TARGET} PRIVATE INGOT_PROGRAM="$<TARGET_FILE:ingot>")
# A real registry, and the server that authorizes for it.
find_package(OpenSSL REQUIRED)
target_sources(${INGOT_TEST_TARGET} PRIVATE
  "${CMAKE_CURRENT_SOURCE_DIR}/registry/docker_registry.cc"
  "${CMAKE_CURRENT_SOURCE_DIR}/registry/test_server.cc")
target_link_libraries(${INGOT_TEST_TARGET} PRIVATE OpenSSL::SSL)
target_compile_definitions(${INGOT_TEST_TARGET} PRIVATE
  INGOT_DOCKER_REGISTRY="${INGOT_DEPS_DIR}/bin/docker-registry")
