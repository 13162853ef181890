# Each part of the room may bring programs and tests of its own.
file(GLOB INGOT_TEXT_PARTS CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*/tests.cmake")
foreach(part IN LISTS INGOT_TEXT_PARTS)
  include("${part}")
endforeach()
