#include "family/tensors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "core/strings.h"

namespace ingot::family {
namespace {

constexpr std::string_view kRoleNames[] = {
    "embedding", "head",           "norm",   "attention", "recurrent", "mlp",        "router",
    "experts",   "shared experts", "scalar", "vision",    "audio",     "draft head", "other"};

// Longer ones first, so that the rest of a name is as short as it can be.
constexpr std::string_view kPrefixes[] = {
    "model.language_model.model.",
    "model.language_model.backbone.",
    "language_model.backbone.",
    "language_model.model.",
    "model.language_model.",
    "language_model.",
    "backbone.",
    "model.",
    "bert.",
    "",
};

constexpr std::string_view kNumber = "{}";

// Whether rest is an instance of pattern; number gets the first "{}".
bool MatchPattern(std::string_view pattern, std::string_view rest,
                  std::optional<uint32_t>& number) {
  number.reset();
  while (!pattern.empty()) {
    if (pattern == "*") return !rest.empty();
    if (pattern.starts_with(kNumber)) {
      uint32_t value = 0;
      const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), value);
      if (parsed.ec != std::errc()) return false;
      if (!number) number = value;
      rest.remove_prefix(static_cast<size_t>(parsed.ptr - rest.data()));
      pattern.remove_prefix(kNumber.size());
    } else {
      if (rest.empty() || rest[0] != pattern[0]) return false;
      rest.remove_prefix(1);
      pattern.remove_prefix(1);
    }
  }
  return rest.empty();
}

std::string Instance(std::string_view pattern, uint32_t number) {
  const size_t at = pattern.find(kNumber);
  if (at == std::string_view::npos) return std::string(pattern);
  return core::StrCat(pattern.substr(0, at), number, pattern.substr(at + kNumber.size()));
}

}  // namespace

std::string_view NameOf(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

std::span<const std::string_view> ContainerPrefixes() { return kPrefixes; }

std::optional<TensorMatch> MatchTensor(std::span<const TensorRow> rows, std::string_view name) {
  for (std::string_view prefix : kPrefixes) {
    if (!name.starts_with(prefix)) continue;
    const std::string_view rest = name.substr(prefix.size());
    for (size_t row = 0; row < rows.size(); ++row) {
      std::optional<uint32_t> number;
      if (MatchPattern(rows[row].pattern, rest, number)) return TensorMatch{row, number};
    }
  }
  return std::nullopt;
}

Missing FindMissing(std::span<const TensorRow> rows, std::span<const std::string_view> names,
                    uint32_t layers, size_t limit) {
  // A need is a row, or the first row of those that stand for each other.
  std::vector<size_t> need_of(rows.size());
  std::array<size_t, 256> first_of_either;
  first_of_either.fill(rows.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    need_of[row] = row;
    if (rows[row].either == 0) continue;
    size_t& first = first_of_either[rows[row].either];
    first = std::min(first, row);
    need_of[row] = first;
  }
  std::vector<bool> model_has(rows.size());
  std::vector<std::vector<bool>> layer_has(rows.size());
  for (std::string_view name : names) {
    const auto match = MatchTensor(rows, name);
    if (!match) continue;
    const size_t need = need_of[match->row];
    model_has[need] = true;
    if (!match->number || *match->number >= layers) continue;
    layer_has[need].resize(layers);
    layer_has[need][*match->number] = true;
  }
  Missing missing;
  const auto add = [&](std::string name) {
    ++missing.count;
    if (missing.names.size() < limit) missing.names.push_back(std::move(name));
  };
  for (size_t row = 0; row < rows.size(); ++row) {
    if (need_of[row] != row) continue;
    if (rows[row].need == Need::kModel && !model_has[row]) add(std::string(rows[row].pattern));
    if (rows[row].need != Need::kEveryLayer) continue;
    layer_has[row].resize(layers);
    for (uint32_t layer = 0; layer < layers; ++layer) {
      if (!layer_has[row][layer]) add(Instance(rows[row].pattern, layer));
    }
  }
  return missing;
}

}  // namespace ingot::family
