#include "tests/models/seeded_checkpoint.h"

#include <bit>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>
#include <utility>

#include "core/env.h"
#include "tensor/writer.h"

namespace ingot::testing {
namespace {

uint64_t Fnv1a(std::string_view text) {
  uint64_t value = 0xCBF29CE484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return value;
}

uint64_t SplitMix(uint64_t counter) {
  uint64_t z = counter + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

template <typename T>
T Must(core::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
  return *std::move(result);
}
void Must(const core::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

core::Json ReadJson(const std::filesystem::path& path) {
  return Must(
      core::ParseJson(Must(core::ReadSmallFile(core::Env::Posix(), path, uint64_t{1} << 20))));
}

// One row of tensors.json.
SeededTensor Seeded(const core::Json& row) {
  SeededTensor tensor{row[0], row[1].get<std::vector<uint64_t>>(), {}};
  const auto base = row[2].get<float>();
  const auto spread = row[3].get<float>();
  size_t count = 1;
  for (const uint64_t dim : tensor.shape) count *= dim;
  const uint64_t seed = Fnv1a(tensor.name);
  tensor.values.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    // 24 bits are exact in float32, and so is every step but the last two.
    const auto high = static_cast<float>(SplitMix(seed + i) >> 40);
    const float unit = high * 0x1p-23F - 1.0F;
    tensor.values.push_back(ToBf16(unit * spread + base));
  }
  return tensor;
}

struct ExpertName {
  std::string group;  // up to ".experts"
  unsigned long expert = 0;
  std::string projection;
};

// "model.layers.0.mlp.experts.3.up_proj.weight" in its parts.
bool ParseExpert(const std::string& name, ExpertName& out) {
  constexpr std::string_view kMarker = ".experts.";
  constexpr std::string_view kWeight = ".weight";
  const size_t at = name.find(kMarker);
  if (at == std::string::npos || !name.ends_with(kWeight)) return false;
  const size_t number = at + kMarker.size();
  const size_t dot = name.find('.', number);
  out.group = name.substr(0, at);
  out.expert = std::stoul(name.substr(number, dot - number));
  out.projection = name.substr(dot + 1, name.size() - kWeight.size() - dot - 1);
  return true;
}

class FileSink : public tensor::ByteSink {
 public:
  explicit FileSink(const std::filesystem::path& path) : out_(path, std::ios::binary) {}
  core::Status Write(std::span<const std::byte> data) override {
    out_.write(reinterpret_cast<const char*>(data.data()),
               static_cast<std::streamsize>(data.size()));
    return out_ ? core::Status::Ok() : core::IoError("a test's checkpoint cannot be written");
  }

 private:
  std::ofstream out_;
};

}  // namespace

float FromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

uint16_t ToBf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

Golden ReadGolden(std::string_view name) {
  const std::filesystem::path folder =
      std::filesystem::path(INGOT_SOURCE_DIR) / "tests/models/goldens" / name;
  Golden golden;
  golden.config = ReadJson(folder / "config.json");
  for (const core::Json& row : ReadJson(folder / "tensors.json")) {
    golden.tensors.push_back(Seeded(row));
  }
  const core::Json facts = ReadJson(folder / "golden.json");
  golden.prompt = facts["prompt"].get<std::vector<int>>();
  golden.greedy = facts["greedy"].get<std::vector<int>>();
  golden.gaps = facts["gaps"].get<std::vector<float>>();
  const std::string raw =
      Must(core::ReadSmallFile(core::Env::Posix(), folder / "logits.f32", uint64_t{1} << 20));
  golden.logits.resize(raw.size() / sizeof(float));
  std::memcpy(golden.logits.data(), raw.data(), golden.logits.size() * sizeof(float));
  return golden;
}

std::vector<SeededTensor> StackExperts(const std::vector<SeededTensor>& tensors,
                                       std::string_view stem, std::string_view ending) {
  std::vector<SeededTensor> result;
  std::map<std::string, std::map<unsigned long, const SeededTensor*>> stacks;
  for (const SeededTensor& tensor : tensors) {
    ExpertName parts;
    if (!ParseExpert(tensor.name, parts)) {
      result.push_back(tensor);
      continue;
    }
    stacks[parts.group + "." + std::string(stem) + "." + parts.projection + std::string(ending)]
          [parts.expert] = &tensor;
  }
  for (const auto& [name, experts] : stacks) {
    SeededTensor stack{name, experts.begin()->second->shape, {}};
    stack.shape.insert(stack.shape.begin(), experts.size());
    for (const auto& [expert, tensor] : experts) {
      stack.values.insert(stack.values.end(), tensor->values.begin(), tensor->values.end());
    }
    result.push_back(std::move(stack));
  }
  return result;
}

std::vector<SeededTensor> FuseExperts(const std::vector<SeededTensor>& tensors,
                                      std::string_view ending) {
  std::vector<SeededTensor> result;
  std::map<std::string, std::pair<SeededTensor, SeededTensor>> pairs;  // gate, up
  for (SeededTensor& tensor : StackExperts(tensors, "experts", ending)) {
    const size_t gate = tensor.name.find(".experts.gate_proj");
    const size_t up = tensor.name.find(".experts.up_proj");
    if (gate != std::string::npos) {
      pairs[tensor.name.substr(0, gate)].first = std::move(tensor);
    } else if (up != std::string::npos) {
      pairs[tensor.name.substr(0, up)].second = std::move(tensor);
    } else {
      result.push_back(std::move(tensor));
    }
  }
  for (const auto& [group, pair] : pairs) {
    const auto& [gate, up] = pair;
    SeededTensor fused{group + ".experts.gate_up_proj" + std::string(ending),
                       {gate.shape[0], 2 * gate.shape[1], gate.shape[2]},
                       {}};
    const size_t each = gate.shape[1] * gate.shape[2];
    for (size_t e = 0; e < gate.shape[0]; ++e) {
      for (const SeededTensor* half : {&gate, &up}) {
        const auto begin = half->values.begin() + static_cast<ptrdiff_t>(e * each);
        fused.values.insert(fused.values.end(), begin, begin + static_cast<ptrdiff_t>(each));
      }
    }
    result.push_back(std::move(fused));
  }
  return result;
}

void WrapInVision(Golden& golden) {
  for (SeededTensor& tensor : golden.tensors) {
    if (tensor.name.starts_with("model.")) {
      tensor.name = "model.language_model." + tensor.name.substr(6);
    }
  }
  golden.tensors.push_back({"model.visual.patch_embed.proj.weight", {2, 2}, {0, 0, 0, 0}});
  auto architecture = golden.config["architectures"][0].get<std::string>();
  architecture.replace(architecture.find("ForCausalLM"), 11, "ForConditionalGeneration");
  golden.config = core::Json{{"architectures", {architecture}},
                             {"text_config", golden.config},
                             {"vision_config", core::Json::object()}};
}

void WriteFolder(const std::filesystem::path& folder, const core::Json& config,
                 const std::vector<SeededTensor>& tensors) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << config.dump(1);
  std::vector<tensor::TensorSpec> specs;
  std::map<std::string_view, const SeededTensor*> by_name;
  for (const SeededTensor& tensor : tensors) {
    specs.push_back({tensor.name, tensor::DType::kBF16, Must(tensor::Shape::Make(tensor.shape))});
    by_name[tensor.name] = &tensor;
  }
  const auto plan = Must(tensor::SafetensorsPlan::Make(std::move(specs)));
  FileSink sink(folder / "model.safetensors");
  tensor::SafetensorsWriter writer(plan, sink);
  for (const tensor::PlannedTensor& planned : plan.tensors()) {
    Must(writer.AppendTensor(planned.spec.name,
                             std::as_bytes(std::span(by_name.at(planned.spec.name)->values))));
  }
  Must(writer.Finish());
}

}  // namespace ingot::testing
