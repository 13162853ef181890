#include "family/experts.h"

#include <algorithm>
#include <charconv>

#include "core/strings.h"

namespace ingot::family {
namespace {

constexpr std::string_view kLayers = "layers.";
constexpr std::string_view kProjections[] = {kGate, kUp, kDown, kGateUp};

constexpr ExpertMarker kMlpMarkers[] = {
    {".mlp.experts.", ".mlp.switch_mlp.", ".mlp.experts."},
    {".mlp.switch_mlp.", ".mlp.switch_mlp.", ".mlp.experts."},
};

constexpr ExpertMarker kUnknownMarkers[] = {
    {".mlp.experts.", ".mlp.switch_mlp.", ".mlp.experts."},
    {".mlp.switch_mlp.", ".mlp.switch_mlp.", ".mlp.experts."},
    {".moe.experts.", ".moe.switch_mlp.", ".moe.experts."},
    {".moe.switch_mlp.", ".moe.switch_mlp.", ".moe.experts."},
    {".mixer.experts.", ".mixer.experts.", ".mixer.experts."},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// text ends with "layers.<digits>", as a whole component or behind a dot.
bool EndsWithLayer(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && IsDigit(text[text.size() - 1 - digits])) ++digits;
  if (digits == 0) return false;
  text.remove_suffix(digits);
  if (!text.ends_with(kLayers)) return false;
  text.remove_suffix(kLayers.size());
  return text.empty() || text.back() == '.';
}

// The table's projection that rest begins with, whole, and what the source calls it. What follows
// must not go on with a letter or digit ("down_projector").
struct Found {
  std::string_view stored;
  size_t length = 0;
};
std::optional<Found> FindProjection(const ExpertTable& table, std::string_view rest) {
  std::optional<Found> found;
  const auto consider = [&](std::string_view source, std::string_view stored) {
    if (!rest.starts_with(source)) return;
    const std::string_view after = rest.substr(source.size());
    if (!after.empty() && after[0] != '.' && after[0] != '_') return;
    if (!found || source.size() > found->length) found = Found{stored, source.size()};
  };
  for (const ProjectionAlias& alias : table.aliases) consider(alias.source, alias.stored);
  for (std::string_view projection : kProjections) consider(projection, projection);
  return found;
}

core::Status Malformed(std::string_view name, std::string_view what) {
  return core::Corrupt(core::StrCat("the expert tensor ", core::Quoted(name), " ", what));
}

}  // namespace

std::string ExpertName::Group() const {
  std::string_view stored = marker->stored;
  stored.remove_suffix(1);
  return core::StrCat(layer, stored);
}
std::string ExpertName::Stored(std::string_view stored_projection) const {
  return core::StrCat(layer, marker->stored, stored_projection);
}
std::string ExpertName::Asked(std::string_view asked_projection) const {
  return core::StrCat(layer, marker->asked, asked_projection, ".weight");
}

core::Result<std::optional<ExpertName>> ParseExpertName(const ExpertTable& table,
                                                        std::string_view name) {
  for (const ExpertMarker& marker : table.markers) {
    const size_t at = name.find(marker.source);
    if (at == std::string_view::npos || !EndsWithLayer(name.substr(0, at))) continue;
    std::string_view rest = name.substr(at + marker.source.size());
    ExpertName parsed;
    parsed.layer = name.substr(0, at);
    parsed.marker = &marker;
    if (!rest.empty() && IsDigit(rest[0])) {
      const size_t dot = rest.find('.');
      const std::string_view index = rest.substr(0, dot);
      if (dot == std::string_view::npos || dot + 1 == rest.size()) {
        return Malformed(name, "names no projection behind the index of its expert");
      }
      const auto number = core::ParseUint(index);
      if (!number || *number >= kMaxExperts || (index.size() > 1 && index[0] == '0')) {
        return Malformed(name, core::StrCat("has the index ", core::Quoted(index, 40),
                                            ", expected a number from 0 to ", kMaxExperts - 1));
      }
      parsed.expert = static_cast<uint32_t>(*number);
      rest.remove_prefix(dot + 1);
      if (const auto found = FindProjection(table, rest)) {
        parsed.projection = found->stored;
        parsed.suffix = rest.substr(found->length);
      } else {  // a projection of its own name: the first component
        parsed.projection = rest.substr(0, rest.find('.'));
        parsed.suffix = rest.substr(parsed.projection.size());
      }
      return std::optional(parsed);
    }
    const auto found = FindProjection(table, rest);
    if (!found) continue;
    parsed.projection = found->stored;
    parsed.suffix = rest.substr(found->length);
    return std::optional(parsed);
  }
  return std::optional<ExpertName>();
}

constinit const ExpertTable kMlpExperts = {.markers = kMlpMarkers, .fused = FusedForm::kRows};
constinit const ExpertTable kUnknownExperts = {.markers = kUnknownMarkers};

}  // namespace ingot::family
