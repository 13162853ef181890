# The library ingot_page: the files of the chat page as constants.
file(GLOB ingot_page_files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/server/page/*")
set(ingot_page_source "${CMAKE_BINARY_DIR}/generated/page_files.cc")
add_custom_command(
  OUTPUT "${ingot_page_source}"
  COMMAND "${CMAKE_COMMAND}" "-DPAGE=${CMAKE_SOURCE_DIR}/src/server/page"
          "-DOUT=${ingot_page_source}" -P "${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake"
  DEPENDS ${ingot_page_files} "${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake"
  VERBATIM)
add_library(ingot_page STATIC "${ingot_page_source}")
target_include_directories(ingot_page PRIVATE "${CMAKE_SOURCE_DIR}/src")
