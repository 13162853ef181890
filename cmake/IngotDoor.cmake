# What bytes of strangers go through before anything of a model hears of them: HTTP, TLS, requests
# of all three interfaces, and what answers are written with. It needs no MLX, though the rooms
# around it do: where those are not built, sanitizers and fuzzers watch it as ingot_door.
if(NOT TARGET ingot_server)
  find_package(Boost 1.81 REQUIRED)
  find_package(OpenSSL REQUIRED)
  file(GLOB door_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/server/net/*.cc")
  foreach(name
      engine/busy engine/generation engine/request_options engine/sampling_options engine/stop_strings
      server/address server/answer_text server/anthropic_events server/anthropic_request
      server/api_keys server/errors server/fields server/guard server/heartbeat server/http_types
      server/ollama_reply server/ollama_request server/openai_chat server/openai_completions
      server/openai_embeddings server/openai_fields server/openai_responses server/response_store
      server/responses_events server/route server/ruled_fields server/worker_pool)
    list(APPEND door_sources "${CMAKE_SOURCE_DIR}/src/${name}.cc")
  endforeach()
  add_library(ingot_door STATIC EXCLUDE_FROM_ALL ${door_sources})
  target_include_directories(ingot_door PUBLIC "${CMAKE_SOURCE_DIR}/src")
  target_include_directories(ingot_door SYSTEM PRIVATE "${Boost_INCLUDE_DIRS}")
  target_compile_definitions(ingot_door PRIVATE
    BOOST_ASIO_NO_DEPRECATED BOOST_ERROR_CODE_HEADER_ONLY INGOT_VERSION="${PROJECT_VERSION}")
  target_link_libraries(ingot_door PUBLIC ingot_core ingot_store ingot_registry ingot_text
                                          OpenSSL::SSL OpenSSL::Crypto)
endif()
