// Any bytes as a tokenizer.json and a text, with a zero byte between them: the file is refused, or
// the tokenizer that it makes encodes and decodes within its own rules.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/token/tokenizer.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ingot::text;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t zero = all.find('\0');
  const std::string_view json = all.substr(0, zero);
  const std::string_view text = zero == std::string_view::npos ? "" : all.substr(zero + 1);
  const auto loaded = Tokenizer::Load(json);
  if (!loaded.ok()) {
    Require(!loaded.status().message().empty());
    return 0;
  }
  const Tokenizer& tokenizer = **loaded;
  const TextSegment segments[] = {{text.substr(0, text.size() / 2), true},
                                  {text.substr(text.size() / 2), false}};
  for (const bool untrusted : {false, true}) {
    const auto ids = untrusted ? tokenizer.EncodeSegments(segments) : tokenizer.Encode(text);
    if (!ids.ok()) {
      Require(!ids.status().message().empty());
      continue;
    }
    const std::string decoded = tokenizer.Decode(*ids);
    TokenStream stream = tokenizer.Stream();
    std::string streamed;
    for (const TokenId id : *ids) {
      const std::string part = stream.Push(id);
      Require(ValidPrefix(part) == part.size());
      streamed += part;
    }
    streamed += stream.Finish();
    Require(streamed == decoded);
  }
  for (TokenId id = 0; id < tokenizer.id_end() && id < 1000; ++id) {
    const auto token = tokenizer.TokenText(id);
    Require(token || tokenizer.TokenBytes(id).empty());
  }
  return 0;
}
