# PCRE2: the patterns of tokenizers. xgrammar: grammars of answers. The cross build has no PCRE2,
# and does without the room.
find_package(PkgConfig REQUIRED)
if(CMAKE_CROSSCOMPILING)
  set(INGOT_ROOM_SKIP ON)
else()
  pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
  include(IngotXgrammar)
  set(INGOT_ROOM_LIBS PkgConfig::PCRE2 ingot_xgrammar)
endif()
