// Any text as a digest: refused, or one that its own forms read back to.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "store/digest.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ingot::store::Digest;
  const auto digest = Digest::Parse({reinterpret_cast<const char*>(data), size});
  if (!digest.ok()) return 0;
  Require(size == 71);
  for (const std::string& text : {digest->ToString(), digest->FileName()}) {
    const auto again = Digest::Parse(text);
    Require(again.ok() && *again == *digest);
    Require(text.find_first_not_of("sha256:-0123456789abcdef") == std::string::npos);
  }
  return 0;
}
