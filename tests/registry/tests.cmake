# What the tests share, the server they talk to, and the process that they kill.
find_package(OpenSSL REQUIRED)
set(ingot_registry_shared "${CMAKE_CURRENT_SOURCE_DIR}/registry/docker_registry.cc"
                          "${CMAKE_CURRENT_SOURCE_DIR}/registry/registry_fixture.cc"
                          "${CMAKE_CURRENT_SOURCE_DIR}/registry/ssh_key.cc"
                          "${CMAKE_CURRENT_SOURCE_DIR}/registry/test_server.cc"
                          "${CMAKE_CURRENT_SOURCE_DIR}/registry/upload_registry.cc")
target_sources(${INGOT_TEST_TARGET} PRIVATE ${ingot_registry_shared})
target_link_libraries(${INGOT_TEST_TARGET} PRIVATE OpenSSL::SSL)
target_compile_definitions(${INGOT_TEST_TARGET} PRIVATE
  INGOT_REGISTRY_ACTOR="$<TARGET_FILE:ingot_registry_actor>"
  INGOT_DOCKER_REGISTRY="${INGOT_DEPS_DIR}/bin/docker-registry")

add_executable(ingot_registry_actor "${CMAKE_CURRENT_SOURCE_DIR}/registry/registry_actor.cc")
target_include_directories(ingot_registry_actor PRIVATE "${CMAKE_SOURCE_DIR}")
target_link_libraries(ingot_registry_actor PRIVATE ingot_registry)
add_dependencies(${INGOT_TEST_TARGET} ingot_registry_actor)
