#include "store/digest.h"

#include <optional>

#include "core/env.h"
#include "core/strings.h"

namespace ingot::store {
namespace {

constexpr std::string_view kAlgorithm = "sha256";

std::optional<unsigned> HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

core::Status Invalid(std::string_view text, std::string_view what) {
  return core::InvalidArgument(core::StrCat("invalid digest ", core::Quoted(text, 100), ": ", what))
      .WithHint("A digest is sha256: and 64 hexadecimal digits.");
}

}  // namespace

core::Result<Digest> Digest::Parse(std::string_view text) {
  core::Sha256Bytes bytes{};
  if (!text.starts_with(kAlgorithm)) return Invalid(text, "it does not begin with sha256");
  std::string_view rest = text.substr(kAlgorithm.size());
  if (rest.empty() || (rest[0] != ':' && rest[0] != '-')) {
    return Invalid(text, "sha256 is not followed by : or -");
  }
  rest.remove_prefix(1);
  if (rest.size() != 2 * bytes.size()) {
    return Invalid(text, core::StrCat("expected 64 hexadecimal digits, found ", rest.size(),
                                      rest.size() == 1 ? " character" : " characters"));
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::optional<unsigned> high = HexValue(rest[2 * i]);
    std::optional<unsigned> low = HexValue(rest[2 * i + 1]);
    if (!high || !low) {
      return Invalid(text,
                     core::StrCat("character ", kAlgorithm.size() + 1 + 2 * i + (high ? 1 : 0),
                                  " is not a hexadecimal digit"));
    }
    bytes[i] = static_cast<std::byte>(*high << 4 | *low);
  }
  return Digest(bytes);
}

Digest Digest::Of(std::string_view content) {
  return Digest(core::Sha256::Of(core::AsBytes(content)));
}

}  // namespace ingot::store
