#include "tests/store/store_fixture.h"

#include <fstream>
#include <sstream>

#include "core/strings.h"
#include "tensor/writer.h"

namespace ingot::store {
namespace {

using core::Result;
using core::StrCat;

class StringSink : public tensor::ByteSink {
 public:
  core::Status Write(std::span<const std::byte> data) override {
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
    return core::Status::Ok();
  }
  std::string text;
};

Result<Layer> PutLayer(WriteSession& session, std::string_view media_type, std::string_view name,
                       std::string_view content) {
  INGOT_ASSIGN(const BlobInfo blob, session.PutBlob(content));
  return Layer{std::string(media_type), blob.digest, blob.size, "", std::string(name)};
}

}  // namespace

std::string TensorBlob(std::string_view tensor, size_t elements, float value) {
  const uint64_t dims[] = {elements};
  const auto plan = tensor::SafetensorsPlan::Make(
      {{std::string(tensor), tensor::DType::kF32, *tensor::Shape::Make(dims)}});
  StringSink sink;
  tensor::SafetensorsWriter writer(*plan, sink);
  const std::vector<float> data(elements, value);
  const core::Status status = writer.Append(std::as_bytes(std::span(data)));
  return status.ok() && writer.Finish().ok() ? sink.text : std::string();
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void WriteAll(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
}

std::vector<std::string> FilesBelow(const std::filesystem::path& directory) {
  std::vector<std::string> files;
  std::error_code absent;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, absent)) {
    if (!entry.is_directory()) files.push_back(entry.path().lexically_relative(directory));
  }
  std::sort(files.begin(), files.end());
  return files;
}

ModelName NameOf(std::string_view text) {
  Result<ModelName> name = ModelName::Parse(text);
  EXPECT_TRUE(name.ok()) << name.status().message();
  return *std::move(name);
}

Result<StoredModel> WriteModel(const Store& store, std::string_view name, const ModelSpec& spec) {
  INGOT_ASSIGN(const ModelName parsed, ModelName::Parse(name));
  INGOT_ASSIGN(const std::unique_ptr<WriteSession> session, WriteSession::Begin(store));
  std::vector<Layer> layers;
  for (size_t i = 0; i < spec.tensors; ++i) {
    const std::string tensor = StrCat("model.layers.", i, ".mlp.down_proj.weight");
    const float value = static_cast<float>(spec.seed) + static_cast<float>(i) / 1024;
    INGOT_ASSIGN(Layer layer, PutLayer(*session, kTensorMediaType, tensor,
                                       TensorBlob(tensor, spec.elements, value)));
    layers.push_back(std::move(layer));
  }
  INGOT_ASSIGN(Layer json, PutLayer(*session, kJsonMediaType, "config.json",
                                    R"({"architectures":["LlamaForCausalLM"]})"));
  layers.push_back(std::move(json));
  INGOT_ASSIGN(Layer license, PutLayer(*session, kLicenseMediaType, "", "Do as you like."));
  layers.push_back(std::move(license));
  INGOT_ASSIGN(Layer config, PutLayer(*session, kConfigMediaType, "",
                                      R"({"model_format":"safetensors","architecture":"",)"
                                      R"("os":""})"));
  return session->Commit(parsed,
                         Manifest{.config = std::move(config), .layers = std::move(layers)});
}

StoredModel StoreTest::Write(std::string_view name, const ModelSpec& spec) {
  Result<StoredModel> model = WriteModel(store_, name, spec);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return *std::move(model);
}

}  // namespace ingot::store
