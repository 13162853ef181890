# PCRE2: the patterns of tokenizers. The cross build has none, and does without the room.
find_package(PkgConfig REQUIRED)
if(CMAKE_CROSSCOMPILING)
  set(INGOT_ROOM_SKIP ON)
else()
  pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
  set(INGOT_ROOM_LIBS PkgConfig::PCRE2)
endif()
