// Any bytes as a manifest: refused, or read into one that writing and reading leaves as it is.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "store/manifest.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ingot::store;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto raw = ParseRawManifest(bytes);
  if (!raw.ok()) {
    Require(!raw.status().message().empty());
    return 0;
  }
  Require(raw->bytes == bytes);
  const std::string written = EncodeManifest(raw->manifest);
  Require(written.find('\n') == written.size() - 1);
  const auto again = ParseManifest(written);
  Require(again.ok() && *again == raw->manifest);
  Require(again->TotalSize() >= again->config.size);
  return 0;
}
