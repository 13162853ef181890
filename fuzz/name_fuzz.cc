// Any text as a model name: refused, or a name that is safe as a path and reads back from each of
// its forms.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "store/name.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ingot::store::ModelName;
  const auto name = ModelName::Parse({reinterpret_cast<const char*>(data), size});
  if (!name.ok()) {
    Require(!name.status().message().empty());
    return 0;
  }
  for (const std::string& text : {name->Full(), name->Short()}) {
    const auto again = ModelName::Parse(text);
    Require(again.ok() && again->SameModel(*name));
  }
  const std::filesystem::path path = name->RelativePath();
  Require(path.is_relative() && path == path.lexically_normal());
  Require(std::distance(path.begin(), path.end()) == 4);
  for (const auto& part : path) Require(!part.empty() && part.native()[0] != '.');
  return 0;
}
