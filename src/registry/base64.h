// Base64 (RFC 4648), with padding, and its form for addresses without. Pure functions.
#ifndef INGOT_REGISTRY_BASE64_H_
#define INGOT_REGISTRY_BASE64_H_

#include <optional>
#include <string>
#include <string_view>

namespace ingot::registry {

std::string EncodeBase64(std::string_view bytes);
// With - and _ instead of + and /, and no padding.
std::string EncodeBase64Url(std::string_view bytes);
// Line ends are passed over; padding may be left out. nullopt for anything else.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_BASE64_H_
