# Writes a C++ file that holds the chat page: cmake -DPAGE=DIR -DOUT=FILE -P embed_page.cmake
file(GLOB files RELATIVE "${PAGE}" "${PAGE}/*")
list(SORT files)
set(arrays "")
set(table "")
set(number 0)
foreach(name IN LISTS files)
  get_filename_component(ending "${name}" LAST_EXT)
  string(SUBSTRING "${ending}" 1 -1 ending)
  if(ending STREQUAL "js")
    set(type "text/javascript; charset=utf-8")
  elseif(ending MATCHES "^(html|css)$")
    set(type "text/${ending}; charset=utf-8")
  elseif(ending STREQUAL "svg")
    set(type "image/svg+xml")
  else()
    message(FATAL_ERROR "src/server/page/${name}: files of this kind are not served")
  endif()
  file(READ "${PAGE}/${name}" hex HEX)
  file(SHA256 "${PAGE}/${name}" digest)
  string(SUBSTRING "${digest}" 0 16 digest)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {${bytes}};\n")
  string(APPEND table "    {\"${name}\", \"${type}\", Text(kFile${number}), \"\\\"${digest}\\\"\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "// Made by cmake/embed_page.cmake from src/server/page.
#include \"server/page_files.h\"

namespace ingot::server {
namespace {

${arrays}
template <unsigned N>
std::string_view Text(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N};
}

}  // namespace

std::span<const PageFile> PageFiles() {
  static const PageFile kFiles[] = {
${table}  };
  return kFiles;
}

}  // namespace ingot::server
")
