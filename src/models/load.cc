#include "models/load.h"

#include <string>
#include <utility>
#include <vector>

#include "core/log.h"
#include "core/memory.h"
#include "core/python_json.h"
#include "core/strings.h"
#include "model/config_reader.h"
#include "model/quant_config.h"
#include "model/read_ahead.h"
#include "model/weights.h"
#include "models/registry.h"
#include "ops/bind.h"
#include "ops/forms.h"
#include "ops/packed_columns.h"

namespace ingot::models {
namespace {

namespace mx = ops::mx;

constexpr uint64_t kMaxConfigBytes = uint64_t{16} << 20;

// What the config says the checkpoint is in; bf16, as nearly all are, when it does not say.
mx::Dtype CheckpointType(const core::Json& config) {
  model::ConfigReader reader(config);
  for (const char* key : {"dtype", "torch_dtype"}) {
    const core::Json* value = reader.Find(key);
    if (value == nullptr || !value->is_string()) continue;
    if (const auto type = ParseComputeType(value->get_ref<const std::string&>())) return *type;
  }
  return mx::bfloat16;
}

model::Weights WeightsOf(const core::Json& config, const model::StoredTensors& tensors,
                         mx::Dtype type, ops::ColumnForm columns) {
  std::vector<std::string> warnings;
  model::QuantConfig quantization = model::QuantConfig::FromConfig(config, warnings);
  for (const std::string& warning : warnings) core::LogWarning(warning);
  return {tensors, std::move(quantization), type, columns};
}

}  // namespace

std::optional<mx::Dtype> ParseComputeType(std::string_view name) {
  constexpr std::string_view kNamespace = "torch.";
  if (name.starts_with(kNamespace)) name.remove_prefix(kNamespace.size());
  if (name == "float32" || name == "fp32" || name == "f32") return mx::float32;
  if (name == "bfloat16" || name == "bf16") return mx::bfloat16;
  if (name == "float16" || name == "fp16" || name == "f16") return mx::float16;
  return std::nullopt;
}

core::Result<std::unique_ptr<model::LanguageModel>> LoadTensors(const core::Json& config,
                                                                const model::StoredTensors& tensors,
                                                                std::optional<mx::Dtype> type,
                                                                std::optional<mx::Dtype> cache) {
  INGOT_TRY(ops::RequireDevice());
  const mx::Dtype computed = type.value_or(CheckpointType(config));
  INGOT_ASSIGN(const ops::ColumnForm columns, ops::ColumnsFor(cache, computed));
  model::Weights weights = WeightsOf(config, tensors, computed, columns);
  core::Result<std::unique_ptr<model::LanguageModel>> built = BuildLanguageModel(config, weights);
  // Where weights are not computed with as they lie, they have been copied by now.
  if (built.ok() && ops::CanShareMemory()) {
    const core::Result<core::MemoryInfo> memory = core::ReadMemoryInfo(core::Env::Posix());
    const uint64_t available = memory.ok() ? memory->available : 0;
    (*built)->Attach(std::make_shared<const model::ReadAhead>(tensors, available));
  }
  return built;
}

core::Result<std::unique_ptr<model::TextEncoder>> LoadEncoderTensors(
    const core::Json& config, const model::StoredTensors& tensors, std::optional<mx::Dtype> type) {
  INGOT_TRY(ops::RequireDevice());
  model::Weights weights =
      WeightsOf(config, tensors, type.value_or(CheckpointType(config)), ops::ColumnForm::kComputed);
  return BuildTextEncoder(config, weights);
}

core::Result<std::unique_ptr<model::LanguageModel>> LoadFolder(core::Env& env,
                                                               const core::Path& folder,
                                                               std::optional<mx::Dtype> type,
                                                               std::optional<mx::Dtype> cache) {
  const core::Path config_path = folder / "config.json";
  INGOT_ASSIGN(const std::string text, core::ReadSmallFile(env, config_path, kMaxConfigBytes));
  core::Result<core::Json> config = core::ParsePythonJson(text);
  if (!config.ok()) {
    return std::move(config).status().Context(core::Printable(config_path.native()));
  }
  INGOT_ASSIGN(const model::StoredTensors tensors, model::StoredTensors::FromFolder(env, folder));
  core::Result<std::unique_ptr<model::LanguageModel>> loaded =
      LoadTensors(*config, tensors, type, cache);
  if (loaded.ok()) return loaded;
  return std::move(loaded).status().Context(core::Printable(folder.native()));
}

}  // namespace ingot::models
