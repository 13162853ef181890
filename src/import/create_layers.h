// The layers of a model that are not tensors: its files, its texts, its config. Internal to the
// room.
#ifndef INGOT_IMPORT_CREATE_LAYERS_H_
#define INGOT_IMPORT_CREATE_LAYERS_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "import/create.h"
#include "store/manifest.h"
#include "store/model_config.h"
#include "store/session.h"

namespace ingot::import {

// The files of one folder, names prefixed ("draft/"); config.json without its quantization.
core::Result<std::vector<store::Layer>> WriteFiles(core::Env& env, const SourcePlan& source,
                                                   std::string_view prefix,
                                                   store::WriteSession& session);

// Template, system, licences, parameters and messages of a Modelfile, in that order. base: of a
// model that it builds on, whose parameters it adds to.
core::Result<std::vector<store::Layer>> WriteTexts(core::Env& env, const CreatePlan& plan,
                                                   const std::vector<store::Layer>& base,
                                                   store::WriteSession& session);

// Layers of a model that another builds on, less those that the new one replaces.
std::vector<store::Layer> InheritedLayers(const CreatePlan& plan);

// What the model's config blob says.
core::Result<store::ModelConfig> MakeModelConfig(const store::Store& store, const CreatePlan& plan);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_CREATE_LAYERS_H_
