#include "model/parts.h"

#include <array>
#include <unordered_map>
#include <unordered_set>

namespace ingot::model {
namespace {

// One way to spell an auxiliary's name: the weight's name (or what precedes ".weight" in it) with
// an ending. Listed from the most to the least preferred for each part.
struct Spelling {
  Part part;
  bool after_base;  // the ending follows <base>, not <base>.weight
  std::string_view ending;
};
constexpr std::array<Spelling, 7> kSpellings = {{
    {Part::kScale, false, ".scale"},
    {Part::kScale, true, ".scales"},
    {Part::kQuantBias, false, ".bias"},
    {Part::kQuantBias, true, ".biases"},
    {Part::kGlobalScale, false, ".global_scale"},
    {Part::kGlobalScale, true, ".global_scale"},
    {Part::kGlobalScale, false, "_scale_2"},
}};

constexpr std::string_view kWeight = ".weight";

std::string_view BaseOf(std::string_view name) {
  return name.ends_with(kWeight) ? name.substr(0, name.size() - kWeight.size()) : name;
}

std::optional<size_t>& SlotOf(WeightParts& parts, Part part) {
  switch (part) {
    case Part::kScale:
      return parts.scale;
    case Part::kQuantBias:
      return parts.quant_bias;
    case Part::kGlobalScale:
      break;
  }
  return parts.global_scale;
}

}  // namespace

PartsByName GroupParts(std::span<const std::string_view> names) {
  std::unordered_map<std::string_view, size_t> index;
  for (size_t i = 0; i < names.size(); ++i) index.emplace(names[i], i);

  std::unordered_set<size_t> taken;
  PartsByName all;
  std::string spelled;
  for (size_t i = 0; i < names.size(); ++i) {
    WeightParts parts{.weight = i, .scale = {}, .quant_bias = {}, .global_scale = {}};
    for (const Spelling& spelling : kSpellings) {
      // Zero points and global scales mean nothing without scales: such a name is its own tensor.
      if (spelling.part != Part::kScale && !parts.scale) continue;
      spelled.assign(spelling.after_base ? BaseOf(names[i]) : names[i]).append(spelling.ending);
      const auto found = index.find(spelled);
      if (found == index.end() || found->second == i) continue;
      taken.insert(found->second);
      std::optional<size_t>& slot = SlotOf(parts, spelling.part);
      if (!slot) slot = found->second;
    }
    all.emplace(names[i], parts);
  }
  for (const size_t i : taken) all.erase(all.find(names[i]));
  return all;
}

std::string PartName(std::string_view weight, Part part) {
  static constexpr std::array<std::string_view, 3> kEndings = {"_scale", "_qbias", "_global_scale"};
  return std::string(weight).append(kEndings[static_cast<size_t>(part)]);
}

}  // namespace ingot::model
