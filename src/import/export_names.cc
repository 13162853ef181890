#include "import/export_names.h"

#include <algorithm>

#include "core/strings.h"
#include "family/experts.h"

namespace ingot::import {
namespace {

using core::StrCat;

// Where mlx-lm keeps the experts of a family, unless under their stored name.
struct Place {
  std::string_view family;
  std::string_view marker;
};
constexpr Place kPlaces[] = {
    {"gemma4", ".experts.switch_glu."},
    {"gpt_oss", ".mlp.experts."},
    {"nemotron_h", ".mixer.switch_mlp."},
};

// Families whose text part mlx-lm puts below "language_model.", wherever the checkpoint has it.
constexpr std::string_view kNested[] = {"qwen3_5"};
// Of architectures.
constexpr std::string_view kSingleExperts = "Qwen3Next";
constexpr std::string_view kOurs = "model.language_model.";
constexpr std::string_view kTheirs = "language_model.model.";

std::string_view MarkerFor(const Inventory& model, std::string_view stored) {
  if (model.family != nullptr) {
    for (const Place& place : kPlaces) {
      if (place.family == model.family->id) return place.marker;
    }
  }
  return stored;
}

// "fc1" for "up_proj" where the family's own layers are called so.
std::string_view ProjectionFor(const family::ExpertTable& table, std::string_view stored) {
  for (const family::ProjectionAlias& alias : table.aliases) {
    if (alias.stored == stored) return alias.source;
  }
  return stored;
}

}  // namespace

ExportedName ExportNameOf(const Inventory& model, std::string_view stored) {
  const family::ExpertTable& table = model.experts();
  const auto parsed = family::ParseExpertName(table, stored);
  // Names that cannot be taken apart are nobody's experts.
  if (!parsed.ok() || !*parsed || (*parsed)->expert) return {std::string(stored), ""};
  const family::ExpertName& name = **parsed;
  const auto full = [&](std::string_view projection) {
    return StrCat(name.layer, MarkerFor(model, name.marker->stored),
                  ProjectionFor(table, projection), name.suffix);
  };
  if (table.joined && name.projection == family::kGateUp && name.suffix == ".weight") {
    return {full(family::kGate), full(family::kUp)};
  }
  return {full(name.projection), ""};
}

std::optional<std::string> SingleExpertName(const Inventory& model, std::string_view stored,
                                            uint64_t e) {
  if (!model.facts.architecture.starts_with(kSingleExperts)) return std::nullopt;
  const auto parsed = family::ParseExpertName(model.experts(), stored);
  if (!parsed.ok() || !*parsed || (*parsed)->expert || (*parsed)->suffix != ".weight") {
    return std::nullopt;
  }
  const family::ExpertName& name = **parsed;
  return StrCat(name.layer, name.marker->asked, e, ".", name.projection, name.suffix);
}

std::vector<std::string> ModulePathsOf(const Inventory& model, std::string_view module) {
  std::vector<std::string> paths = {std::string(module)};
  const bool nested =
      model.family != nullptr && std::ranges::find(kNested, model.family->id) != std::end(kNested);
  if (module.starts_with(kOurs)) {
    paths.push_back(StrCat(kTheirs, module.substr(kOurs.size())));
  } else if (nested && !module.starts_with("language_model.")) {
    paths.push_back(StrCat("language_model.", module));
  }
  return paths;
}

}  // namespace ingot::import
