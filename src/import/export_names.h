// What mlx-lm calls the tensors and modules of a model that is stored in the canonical layout.
// Pure; internal to the room.
#ifndef INGOT_IMPORT_EXPORT_NAMES_H_
#define INGOT_IMPORT_EXPORT_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/inventory.h"

namespace ingot::import {

struct ExportedName {
  std::string name;  // with ".weight" or ".bias" where the stored name has it
  // Of a stack of gates over ups that mlx-lm has as two: the name of the ups; else empty.
  std::string second;
};

// stored: the name of a main tensor ("model.layers.0.moe.switch_mlp.gate_up_proj.weight").
ExportedName ExportNameOf(const Inventory& model, std::string_view stored);

// mlx-lm makes a raw checkpoint of Qwen3-Next its own only where the experts lie one by one. Name
// of expert e of a stack then; nullopt for other families and other tensors.
std::optional<std::string> SingleExpertName(const Inventory& model, std::string_view stored,
                                            uint64_t e);

// The paths that config.json is to name the module of an exported weight by: the one that its
// tensors have, and those that mlx-lm's own loaders turn it into.
std::vector<std::string> ModulePathsOf(const Inventory& model, std::string_view module);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_EXPORT_NAMES_H_
