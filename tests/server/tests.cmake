# What several test files share.
target_sources(${INGOT_TEST_TARGET} PRIVATE
               "${CMAKE_CURRENT_LIST_DIR}/api_golden.cc" "${CMAKE_CURRENT_LIST_DIR}/demo_server.cc"
               "${CMAKE_CURRENT_LIST_DIR}/golden.cc"
               # The registries that models are pushed to and pulled from.
               "${CMAKE_CURRENT_SOURCE_DIR}/registry/registry_fixture.cc"
               "${CMAKE_CURRENT_SOURCE_DIR}/registry/test_server.cc"
               "${CMAKE_CURRENT_SOURCE_DIR}/registry/upload_registry.cc")
find_package(OpenSSL REQUIRED)
target_link_libraries(${INGOT_TEST_TARGET} PRIVATE OpenSSL::SSL)

# The official clients, a browser, and many clients at once, against the program itself.
if(TARGET ingot)
  set(INGOT_CLIENT_PYTHON "${CMAKE_SOURCE_DIR}/.deps/venv/bin/python")
  foreach(client openai_client_test anthropic_client_test page_test load_test serving_test)
    add_test(NAME server.${client} COMMAND "${INGOT_CLIENT_PYTHON}"
             "${CMAKE_CURRENT_LIST_DIR}/python/${client}.py" "$<TARGET_FILE:ingot>")
    set_tests_properties(server.${client} PROPERTIES LABELS server)
  endforeach()
endif()
