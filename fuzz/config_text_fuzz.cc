// Any bytes as a config.json whose quantization is taken out: refused, or the rest is what it was,
// and a member that is put in can be taken out again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/json.h"
#include "import/config_text.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ingot;
  const std::string_view config(reinterpret_cast<const char*>(data), size);
  const auto stripped = import::WithoutQuantization(config);
  if (!stripped.ok()) {
    Require(!stripped.status().message().empty());
    return 0;
  }
  const auto before = core::ParseJson(config);
  const auto after = core::ParseJson(*stripped);
  if (!before.ok()) return 0;  // limits of the other reader
  Require(after.ok() && after->is_object());
  for (const char* key : {"quantization", "quantization_config", "compression_config"}) {
    Require(!after->contains(key));
  }
  for (const auto& [key, value] : after->items()) {
    Require(before->contains(key) && (key == "text_config" || (*before)[key] == value));
  }
  const auto with = import::WithMember(*stripped, "quantization", R"({"bits": 4})");
  Require(with.ok());
  const auto again = import::WithoutQuantization(*with);
  Require(again.ok() && *again == *stripped);
  return 0;
}
