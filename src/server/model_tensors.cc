#include "server/model_tensors.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "core/checked.h"
#include "core/strings.h"
#include "core/thread_pool.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;
using quant::Format;
using tensor::Header;
using tensor::TensorInfo;

// Where a tensor's companions may be called: behind its own name, or, for <module>.weight, behind
// the module's.
constexpr std::array<std::string_view, 3> kOwnSuffixes = {".scale", ".bias", ".global_scale"};
constexpr std::array<std::string_view, 3> kModuleSuffixes = {".scales", ".biases", ".global_scale"};

std::string_view ModuleOf(std::string_view name) {
  constexpr std::string_view kWeight = ".weight";
  if (name.ends_with(kWeight)) name.remove_suffix(kWeight.size());
  return name;
}

struct Place {
  const Header* header;
  size_t index;
};
using TensorMap = std::unordered_map<std::string_view, Place>;

std::optional<TensorInfo> Find(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return std::nullopt;
  return (*found->second.header)[found->second.index];
}

std::optional<TensorInfo> ScalesOf(const TensorMap& tensors, std::string_view name) {
  if (auto own = Find(tensors, StrCat(name, kOwnSuffixes[0]))) return own;
  return Find(tensors, StrCat(ModuleOf(name), kModuleSuffixes[0]));
}

// Codes are packed integers; a float tensor beside something called .scale is just a tensor.
bool HoldsCodes(const TensorInfo& tensor) {
  return (tensor.dtype == tensor::DType::kU32 || tensor.dtype == tensor::DType::kU8) &&
         tensor.shape.rank() >= 2;
}

std::optional<Format> FormatFrom(const Json& object) {
  if (!object.is_object() || !object.contains("bits") || !object["bits"].is_number_unsigned()) {
    return std::nullopt;
  }
  const std::string mode_name = object.contains("mode") && object["mode"].is_string()
                                    ? object["mode"].get<std::string>()
                                    : "affine";
  const std::optional<quant::Mode> mode = quant::ParseMode(mode_name);
  if (!mode) return std::nullopt;
  uint64_t group_size = quant::InfoOf(*mode).default_group_size;
  if (object.contains("group_size") && object["group_size"].is_number_unsigned()) {
    group_size = object["group_size"].get<uint64_t>();
  }
  const Result<Format> format =
      quant::MakeFormat(*mode, object["bits"].get<uint64_t>(), group_size);
  return format.ok() ? std::optional(*format) : std::nullopt;
}

// What config.json says of one module: its own entry, else the globals.
std::optional<Format> FormatFromConfig(const Json& config, std::string_view tensor) {
  if (!config.is_object()) return std::nullopt;
  for (const char* key : {"quantization", "quantization_config"}) {
    if (!config.contains(key) || !config[key].is_object()) continue;
    const Json& quantization = config[key];
    if (quantization.contains("quant_method")) return std::nullopt;  // not mlx's
    const std::string module(ModuleOf(tensor));
    if (quantization.contains(module)) {
      if (const auto own = FormatFrom(quantization[module])) return own;
    }
    return FormatFrom(quantization);
  }
  return std::nullopt;
}

std::optional<Format> FormatFromMetadata(const Header& header, std::string_view tensor) {
  const auto value = [&](std::string_view key) {
    const auto own = header.FindMetadata(StrCat(tensor, '.', key));
    return own ? own : header.FindMetadata(key);
  };
  const std::optional<std::string_view> type = value("quant_type");
  if (!type) return std::nullopt;
  std::optional<Format> format = quant::ParseType(*type);
  if (!format) return std::nullopt;
  if (const auto text = value("group_size")) {
    const std::optional<uint64_t> size = core::ParseUint(*text);
    if (!size) return std::nullopt;
    const Result<Format> sized = quant::MakeFormat(format->mode, format->bits, *size);
    return sized.ok() ? std::optional(*sized) : std::nullopt;
  }
  return format;
}

// 32-bit words in a row of codes.
std::optional<uint64_t> WordsInRow(const TensorInfo& codes) {
  const uint64_t columns = codes.shape.back();
  if (codes.dtype == tensor::DType::kU32) return columns;
  return columns % 4 == 0 ? std::optional(columns / 4) : std::nullopt;
}

bool Agrees(Format format, uint64_t words, uint64_t groups) {
  const std::optional<uint64_t> columns = quant::UnpackedColumns(format, words);
  return columns && quant::Fits(format, *columns) && quant::GroupsInRow(format, *columns) == groups;
}

// "int4", and with another group size than the name means: "int4/32".
std::string NameOfFormat(Format format) {
  const std::string_view name = quant::TypeName(format);
  const std::optional<Format> usual = quant::ParseType(name);
  if (usual && usual->group_size == format.group_size) return std::string(name);
  return StrCat(name, '/', format.group_size);
}

Result<ModelTensor> Describe(const TensorInfo& info, const std::optional<TensorInfo>& scales,
                             const Header& header, const Json& config) {
  ModelTensor out;
  out.name = info.name;
  out.type = tensor::NameOf(info.dtype);
  for (size_t i = 0; i < info.shape.rank(); ++i) out.shape.push_back(info.shape[i]);
  if (scales) {
    out.format = FormatOfCodes(info, *scales, header, config);
    if (out.format) {
      out.type = NameOfFormat(*out.format);
      out.shape.back() = *quant::UnpackedColumns(*out.format, *WordsInRow(info));
    }
  }
  const std::optional<uint64_t> elements = core::CheckedProduct(out.shape);
  if (!elements) return core::Corrupt(StrCat("tensor ", core::Quoted(info.name), " is too large"));
  out.elements = *elements;
  return out;
}

// The headers of every distinct tensor blob, in no particular order.
Result<std::vector<Header>> ReadHeaders(const store::Store& store,
                                        const store::Manifest& manifest) {
  std::vector<const store::Layer*> layers;
  std::unordered_set<store::Digest> seen;
  for (const store::Layer& layer : manifest.layers) {
    if (layer.media_type == store::kTensorMediaType && seen.insert(layer.digest).second) {
      layers.push_back(&layer);
    }
  }
  std::vector<Header> headers(layers.size());
  std::mutex lock;
  Status failure;
  const auto read = [&](const store::Layer& layer) -> Result<Header> {
    INGOT_ASSIGN(const auto file, store.OpenBlob(layer, core::Access::kRandom));
    return tensor::ReadHeader(*file).Context(StrCat("layer ", core::Quoted(layer.name)));
  };
  constexpr size_t kChunk = 16;  // small files: opening one costs some microseconds
  core::ThreadPool::Shared().ParallelFor(layers.size(), kChunk, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      Result<Header> header = read(*layers[i]);
      if (header.ok()) {
        headers[i] = *std::move(header);
        continue;
      }
      const std::lock_guard<std::mutex> hold(lock);
      if (failure.ok()) failure = std::move(header).status();
    }
  });
  if (!failure.ok()) return failure;
  return headers;
}

}  // namespace

std::optional<Format> FormatOfCodes(const TensorInfo& codes, const TensorInfo& scales,
                                    const Header& header, const Json& model_config) {
  const std::optional<uint64_t> words = WordsInRow(codes);
  if (!words || scales.shape.rank() != codes.shape.rank()) return std::nullopt;
  const uint64_t groups = scales.shape.back();
  for (const std::optional<Format>& declared :
       {FormatFromMetadata(header, codes.name), FormatFromConfig(model_config, codes.name)}) {
    if (declared && Agrees(*declared, *words, groups)) return declared;
  }
  const bool byte_scales = tensor::BitsOf(scales.dtype) == 8;
  const std::vector<Format> possible = quant::FormatsMatching(*words, groups, byte_scales);
  return possible.size() == 1 ? std::optional(possible[0]) : std::nullopt;
}

Result<std::vector<ModelTensor>> ReadModelTensors(const store::Store& store,
                                                  const store::Manifest& manifest,
                                                  const Json& model_config) {
  INGOT_ASSIGN(const std::vector<Header> headers, ReadHeaders(store, manifest));
  TensorMap all;
  for (const Header& header : headers) {
    for (size_t i = 0; i < header.size(); ++i) all.try_emplace(header.name(i), Place{&header, i});
  }
  std::unordered_set<std::string> companions;
  for (const auto& [name, place] : all) {
    if (!HoldsCodes((*place.header)[place.index]) || !ScalesOf(all, name)) continue;
    for (const std::string_view suffix : kOwnSuffixes) companions.insert(StrCat(name, suffix));
    for (const std::string_view suffix : kModuleSuffixes) {
      companions.insert(StrCat(ModuleOf(name), suffix));
    }
  }
  std::vector<ModelTensor> tensors;
  tensors.reserve(all.size());
  for (const auto& [name, place] : all) {
    if (companions.contains(std::string(name))) continue;
    const TensorInfo info = (*place.header)[place.index];
    const std::optional<TensorInfo> scales = HoldsCodes(info) ? ScalesOf(all, name) : std::nullopt;
    INGOT_ASSIGN(ModelTensor tensor, Describe(info, scales, *place.header, model_config));
    tensors.push_back(std::move(tensor));
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const ModelTensor& a, const ModelTensor& b) { return a.name < b.name; });
  return tensors;
}

}  // namespace ingot::server
