// The chat page: the files of src/server/page, which the build puts into the program. Constant.
#ifndef INGOT_SERVER_PAGE_FILES_H_
#define INGOT_SERVER_PAGE_FILES_H_

#include <span>
#include <string_view>

namespace ingot::server {

struct PageFile {
  std::string_view name;  // "style.css"
  std::string_view type;  // of its content
  std::string_view text;
  std::string_view tag;  // changes with the text: an ETag
};

// Made by cmake/embed_page.cmake.
std::span<const PageFile> PageFiles();

}  // namespace ingot::server

#endif  // INGOT_SERVER_PAGE_FILES_H_
