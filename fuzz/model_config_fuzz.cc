// Any bytes as a model's config blob: refused, or read into one that writing and reading leaves as
// it is.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "store/model_config.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ingot::store;
  const auto config = ParseModelConfig({reinterpret_cast<const char*>(data), size});
  if (!config.ok()) {
    Require(!config.status().message().empty());
    return 0;
  }
  const std::string written = EncodeModelConfig(*config);
  if (written.size() > kMaxConfigBytes) return 0;  // escapes may lengthen a text at the limit
  const auto again = ParseModelConfig(written);
  Require(again.ok() && *again == *config);
  return 0;
}
