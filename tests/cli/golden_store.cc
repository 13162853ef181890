#include "tests/cli/golden_store.h"

#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include "core/strings.h"
#include "import/create.h"
#include "models/load.h"
#include "models/registry.h"
#include "ops/bind.h"
#include "quant/modes.h"
#include "tests/models/golden_check.h"
#include "tests/models/packed_checkpoint.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;
using core::Json;
using core::Result;
using core::StrCat;

constexpr const char* kName = "golden";

Result<ops::Array> BindTensor(const model::StoredTensors& tensors, size_t i) {
  INGOT_ASSIGN(const tensor::TensorView view, tensors.View(i));
  INGOT_ASSIGN(std::shared_ptr<const void> owner, tensors.Owner(i));
  return ops::Bind(view, std::move(owner));
}

StoredTensor FromArray(const std::string& name, const ops::Array& array, tensor::DType type) {
  ops::Array flat = mx::contiguous(array);
  flat.eval();
  StoredTensor tensor{name, type, {}, {flat.data<char>(), flat.nbytes()}};
  for (const int dim : array.shape()) tensor.shape.push_back(static_cast<uint64_t>(dim));
  return tensor;
}

Result<StoredTensor> AsItIs(const model::StoredTensors& tensors, size_t i) {
  INGOT_ASSIGN(const tensor::TensorView view, tensors.View(i));
  StoredTensor tensor{std::string(tensors.name(i)), tensors.dtype(i), {}, {}};
  for (const uint32_t dim : tensors.shape(i)) tensor.shape.push_back(dim);
  tensor.bytes.assign(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
  return tensor;
}

using Index = std::map<std::string, size_t>;

// The values of the packed tensor i, as the metadata of its own blob describes it.
Result<StoredTensor> Unpacked(const model::StoredTensors& tensors, const Index& index, size_t i) {
  const std::string name(tensors.name(i));
  const model::BlobMetadata metadata = tensors.MetadataOf(i);
  const std::string type = metadata.tensor_type.value_or(metadata.blob_type.value_or(""));
  const std::optional<quant::Format> format = quant::ParseType(type);
  if (!format) return core::Corrupt(StrCat(name, ": no quant_type in its blob"));
  const auto part = [&](const char* ending) -> Result<std::optional<ops::Array>> {
    const auto found = index.find(name + ending);
    if (found == index.end()) return std::optional<ops::Array>();
    INGOT_ASSIGN(const ops::Array array, BindTensor(tensors, found->second));
    return std::optional(array.dtype() == mx::uint8 ? array : ops::ToFloat32(array));
  };
  INGOT_ASSIGN(const ops::Array codes, BindTensor(tensors, i));
  INGOT_ASSIGN(const std::optional<ops::Array> scales, part(".scale"));
  INGOT_ASSIGN(const std::optional<ops::Array> biases, part(".bias"));
  if (!scales) return core::Corrupt(StrCat(name, ": no scales"));
  return FromArray(
      name,
      mx::dequantize(codes, *scales, biases, format->group_size, format->bits,
                     std::string(quant::InfoOf(format->mode).name), std::nullopt, mx::float32),
      tensor::DType::kF32);
}

}  // namespace

std::vector<float> Runnable::Rows(const std::vector<int>& tokens, size_t chunk) const {
  if (language) return LogitsOf(*language, tokens, chunk);
  const ops::Array ids(tokens.data(), {1, static_cast<int>(tokens.size())}, mx::int32);
  ops::Array rows = mx::contiguous(ops::ToFloat32(encoder->Forward(ids)));
  rows.eval();
  return {rows.data<float>(), rows.data<float>() + rows.size()};
}

Result<Runnable> LoadRunnable(const Json& config, const model::StoredTensors& tensors) {
  Runnable loaded;
  if (models::IsTextEncoder(config)) {
    INGOT_ASSIGN(loaded.encoder, models::LoadEncoderTensors(config, tensors, mx::float32));
  } else {
    INGOT_ASSIGN(loaded.language, models::LoadTensors(config, tensors, mx::float32));
  }
  return loaded;
}

core::Status GoldenStore::Import(const Golden& golden, family::Precision precision) {
  const std::filesystem::path folder = dir_ / "source";
  WriteFolder(folder, golden.config, golden.tensors);
  const core::Status imported = ImportFolder(folder, precision);
  std::filesystem::remove_all(folder);
  return imported;
}

core::Status GoldenStore::ImportFolder(const std::filesystem::path& folder,
                                       family::Precision precision) {
  INGOT_ASSIGN(import::Modelfile modelfile,
               import::ParseModelfile(StrCat("FROM \"", folder.native(), "\"")));
  INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(kName));
  import::CreateRequest request{.name = name,
                                .modelfile = std::move(modelfile),
                                .base = dir_.path(),
                                .recipe = {},
                                .draft_requested = {}};
  request.recipe.requested = precision;
  INGOT_ASSIGN(const import::CreatePlan plan, import::PlanCreate(store_, std::move(request)));
  return import::ExecuteCreate(store_, plan, {}).status();
}

Result<GoldenStore::Opened> GoldenStore::Open() const {
  INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(kName));
  INGOT_ASSIGN(auto files, engine::ModelFiles::OpenStored(store_, name));
  INGOT_ASSIGN(const std::string config_text, files->Require("config.json"));
  INGOT_ASSIGN(Json config, core::ParseJson(config_text));
  INGOT_ASSIGN(model::StoredTensors tensors, files->Tensors());
  return Opened{std::move(files), std::move(config), std::move(tensors)};
}

Result<Runnable> GoldenStore::Load() const {
  INGOT_ASSIGN(const Opened opened, Open());
  return LoadRunnable(opened.config, opened.tensors);
}

Result<GoldenStore::Plain> GoldenStore::LoadPlain() const {
  INGOT_ASSIGN(const Opened opened, Open());
  const model::StoredTensors& tensors = opened.tensors;
  Index index;
  for (size_t i = 0; i < tensors.size(); ++i) index.emplace(tensors.name(i), i);
  Plain plain;
  std::vector<StoredTensor> values;
  for (const auto& [name, i] : index) {
    const auto is_part_of_packed = [&, &part = name](std::string_view ending) {
      if (!part.ends_with(ending)) return false;
      const auto owner = index.find(part.substr(0, part.size() - ending.size()));
      return owner != index.end() && tensors.dtype(owner->second) == tensor::DType::kU32;
    };
    if (is_part_of_packed(".scale") || is_part_of_packed(".bias")) continue;
    if (tensors.dtype(i) != tensor::DType::kU32) {
      INGOT_ASSIGN(StoredTensor same, AsItIs(tensors, i));
      values.push_back(std::move(same));
      continue;
    }
    INGOT_ASSIGN(StoredTensor dense, Unpacked(tensors, index, i));
    ++plain.packed;
    if (dense.shape.size() == 3) ++plain.packed_experts;
    values.push_back(std::move(dense));
  }
  const std::filesystem::path folder = dir_ / "plain";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << opened.config.dump();
  WriteTensors(folder / "model.safetensors", std::move(values));
  INGOT_ASSIGN(const model::StoredTensors dense,
               model::StoredTensors::FromFolder(core::Env::Posix(), folder));
  INGOT_ASSIGN(plain.model, LoadRunnable(opened.config, dense));
  return plain;
}

}  // namespace ingot::testing
