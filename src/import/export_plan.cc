#include "import/export_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/strings.h"
#include "import/config_text.h"
#include "import/export_names.h"
#include "quant/declared.h"

namespace ingot::import {
namespace {

using core::Corrupt;
using core::Json;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;
using quant::Format;
using tensor::DType;
using tensor::TensorInfo;

constexpr std::string_view kDraftPrefix = "draft.";
constexpr std::string_view kWeight = ".weight";

// Where companions of codes lie, by the role that they have: behind the whole name of the codes, or
// behind that of their module.
struct CompanionNames {
  std::string_view of_tensor;
  std::string_view of_module;
  std::string_view exported;
};
constexpr CompanionNames kScales = {".scale", ".scales", ".scales"};
constexpr CompanionNames kBiases = {".bias", ".biases", ".biases"};
constexpr CompanionNames kGlobal = {".global_scale", ".global_scale", ".global_scale"};
// The scales of a weight whose global scale mlx-lm's measure cannot express: as NVIDIA's tools call
// them, whose global scale multiplies, as ours does.
constexpr std::string_view kOtherScales = ".weight_scale";
constexpr std::string_view kOtherGlobal = ".weight_scale_2";
// MLX's global scale is the largest value that the weight may take: 6 times 448 times ours.
constexpr float kNvfp4Largest = 2688.0F;

// mlx's global scale that is read back as exactly this factor; nullopt when there is none.
std::optional<float> LargestFor(float factor) {
  const float guess = factor * kNvfp4Largest;
  for (const float candidate :
       {guess, std::nextafter(guess, 0.0F), std::nextafter(guess, INFINITY)}) {
    if (candidate / kNvfp4Largest == factor) return candidate;
  }
  return std::nullopt;
}

Json ToJson(const Format& format) {
  return {{"group_size", format.group_size},
          {"bits", format.bits},
          {"mode", quant::InfoOf(format.mode).name}};
}

// One tensor of the model, where it lies.
struct Place {
  uint32_t blob = 0;
  TensorInfo info;
};

class Exporter {
 public:
  Exporter(const Inventory& model, std::string_view prefix, std::string_view file_type,
           const std::vector<StoredBlob>& blobs, BlobReader& reader, uint64_t shard_bytes)
      : model_(model),
        prefix_(prefix),
        file_type_(file_type),
        blobs_(blobs),
        reader_(reader),
        shard_bytes_(shard_bytes) {}

  Result<ExportPlan> Make() {
    INGOT_ASSIGN(declared_, quant::DeclaredQuantization::Parse(model_.config));
    INGOT_TRY(CollectPlaces());
    raw_ = std::ranges::any_of(places_, [](const auto& entry) {
      const auto& [name, place] = entry;
      return name.ends_with("conv1d.weight") && place.info.shape.rank() == 3 &&
             place.info.shape.back() != 1;
    });
    for (const auto& [name, place] : places_) {
      if (IsCompanion(name)) continue;
      INGOT_TRY(ScalesOf(name, place) == nullptr ? AddDense(name, place) : AddPacked(name, place));
    }
    if (tensors_.empty()) return Corrupt("the model has no tensors");
    INGOT_TRY(MakeShards());
    INGOT_TRY(MakeConfig());
    return std::move(plan_);
  }

 private:
  Status CollectPlaces() {
    for (uint32_t b = 0; b < blobs_.size(); ++b) {
      const tensor::Header& header = blobs_[b].header;
      for (size_t i = 0; i < header.size(); ++i) {
        const TensorInfo info = header[i];
        std::string_view name = info.name;
        if (prefix_.empty() && name.starts_with(kDraftPrefix)) continue;
        if (!name.starts_with(prefix_)) continue;
        name.remove_prefix(prefix_.size());
        if (!places_.try_emplace(std::string(name), Place{b, info}).second) {
          return Corrupt(StrCat("two blobs hold the tensor ", Quoted(name)));
        }
      }
    }
    return Status::Ok();
  }

  const Place* Find(std::string_view name) const {
    const auto it = places_.find(name);
    return it == places_.end() ? nullptr : &it->second;
  }
  static std::string_view ModuleOf(std::string_view name) {
    if (name.ends_with(kWeight)) name.remove_suffix(kWeight.size());
    return name;
  }
  const Place* Companion(std::string_view name, const CompanionNames& names) const {
    if (const Place* own = Find(StrCat(name, names.of_tensor))) return own;
    const std::string_view module = ModuleOf(name);
    return module == name ? nullptr : Find(StrCat(module, names.of_module));
  }
  // Of codes: integers that hold several values each. nullptr for everything else.
  const Place* ScalesOf(std::string_view name, const Place& place) const {
    const bool codes = place.info.dtype == DType::kU32 && place.info.shape.rank() >= 2;
    return codes ? Companion(name, kScales) : nullptr;
  }
  // Whether the codes that the name points at are there.
  bool IsCompanion(std::string_view name) const {
    for (const CompanionNames& names : {kScales, kBiases, kGlobal}) {
      for (const auto& [suffix, tail] :
           {std::pair{names.of_tensor, std::string_view()}, std::pair{names.of_module, kWeight}}) {
        if (!name.ends_with(suffix)) continue;
        const std::string codes = StrCat(name.substr(0, name.size() - suffix.size()), tail);
        const Place* place = Find(codes);
        if (place != nullptr && ScalesOf(codes, *place) != nullptr) return true;
      }
    }
    return false;
  }

  static ExportedTensor Whole(std::string name, const Place& place) {
    return {.spec = {std::move(name), place.info.dtype, place.info.shape},
            .blob = place.blob,
            .offset = place.info.offset,
            .piece = place.info.size,
            .stride = 0,
            .count = 1,
            .values = {},
            .size = place.info.size};
  }

  // The first or second half of every slab of a stack.
  static Result<ExportedTensor> Half(std::string name, const Place& place, bool second) {
    const tensor::Shape& shape = place.info.shape;
    if (shape.rank() != 3 || shape[1] % 2 != 0 || shape[0] == 0) {
      return Corrupt(StrCat(Quoted(place.info.name), " must be a stack with gates over ups, is ",
                            ToString(shape)));
    }
    const uint64_t dims[] = {shape[0], shape[1] / 2, shape[2]};
    ExportedTensor half = Whole(std::move(name), place);
    INGOT_ASSIGN(half.spec.shape, tensor::Shape::Make(dims));
    half.stride = place.info.size / shape[0];
    half.piece = half.stride / 2;
    half.count = shape[0];
    half.offset += second ? half.piece : 0;
    half.size = half.piece * half.count;
    return half;
  }

  Status AddPart(const std::string& first, const std::string& second, const Place& place) {
    if (second.empty()) {
      tensors_.push_back(Whole(first, place));
      return Status::Ok();
    }
    INGOT_ASSIGN(ExportedTensor gates, Half(first, place, false));
    INGOT_ASSIGN(ExportedTensor ups, Half(second, place, true));
    tensors_.push_back(std::move(gates));
    tensors_.push_back(std::move(ups));
    return Status::Ok();
  }

  Status AddDense(const std::string& name, const Place& place) {
    if (name.ends_with(kWeight) && place.info.dtype == DType::kU32) {
      return Corrupt(
          StrCat("the weight ", Quoted(name), " holds packed integers and has no scales"));
    }
    if (raw_ && place.info.shape.rank() == 3 && SingleExpertName(model_, name, 0)) {
      return AddSingleExperts(name, place);
    }
    const ExportedName exported = ExportNameOf(model_, name);
    return AddPart(exported.name, exported.second, place);
  }

  Status AddSingleExperts(const std::string& name, const Place& place) {
    const tensor::Shape& shape = place.info.shape;
    const uint64_t dims[] = {shape[1], shape[2]};
    INGOT_ASSIGN(const tensor::Shape one, tensor::Shape::Make(dims));
    for (uint64_t e = 0; e < shape[0]; ++e) {
      ExportedTensor expert = Whole(*SingleExpertName(model_, name, e), place);
      expert.spec.shape = one;
      expert.piece = expert.size = place.info.size / shape[0];
      expert.offset += e * expert.size;
      tensors_.push_back(std::move(expert));
    }
    return Status::Ok();
  }

  Status AddPacked(const std::string& name, const Place& place) {
    INGOT_ASSIGN(const Format format, FormatOf(name, place));
    const std::string stored = name.ends_with(kWeight) ? name : StrCat(name, kWeight);
    ExportedName exported = ExportNameOf(model_, stored);
    const Place* global = Companion(name, kGlobal);
    if (global != nullptr && !exported.second.empty()) {
      exported = {stored, ""};
      plan_.warnings.push_back(StrCat(Quoted(name),
                                      " holds gates over ups with one global scale:"
                                      " mlx-lm has no place for it, and cannot read it"));
    }
    if (raw_ && SingleExpertName(model_, stored, 0) && !warned_of_raw_experts_) {
      warned_of_raw_experts_ = true;
      plan_.warnings.emplace_back(
          "mlx-lm cannot read this folder: of this architecture it reads quantized experts only"
          " from checkpoints that it converted itself");
    }
    const std::string first(ModuleOf(exported.name));
    const std::string second(ModuleOf(exported.second));
    std::vector<float> largest;
    if (global != nullptr) {
      INGOT_ASSIGN(largest, LargestValues(*global));
    }
    const bool other = global != nullptr && largest.empty();
    if (other) {
      plan_.warnings.push_back(
          StrCat("the global scale of ", Quoted(name),
                 " has no equal in MLX's measure: mlx-lm"
                 " cannot read this weight, programs that know NVIDIA's names can"));
    }
    const auto add = [&](std::string_view suffix, const Place* part) -> Status {
      if (part == nullptr) return Status::Ok();
      return AddPart(StrCat(first, suffix), second.empty() ? "" : StrCat(second, suffix), *part);
    };
    INGOT_TRY(add(kWeight, &place));
    INGOT_TRY(add(other ? kOtherScales : kScales.exported, Companion(name, kScales)));
    INGOT_TRY(add(kBiases.exported, Companion(name, kBiases)));
    if (global != nullptr) {
      for (const std::string& module : {first, second}) {
        if (module.empty()) continue;
        tensors_.push_back(Whole(StrCat(module, other ? kOtherGlobal : kGlobal.exported), *global));
        tensors_.back().values = largest;
      }
    }
    INGOT_ASSIGN(const uint64_t words, ElementCount(place.info.shape));
    for (const std::string& module : {first, second}) {
      if (module.empty()) continue;
      packed_.push_back({module, format, global != nullptr && !other});
    }
    weight_of_.emplace_back(format, words);
    return Status::Ok();
  }

  // Empty where one of them has no equal.
  Result<std::vector<float>> LargestValues(const Place& global) {
    if (global.info.dtype != DType::kF32) {
      return Corrupt(StrCat("the global scale ", Quoted(global.info.name), " is ",
                            NameOf(global.info.dtype), ", expected F32"));
    }
    INGOT_ASSIGN(std::vector<float> values, reader_.Floats(global.blob, global.info));
    for (float& value : values) {
      const auto largest = LargestFor(value);
      if (!largest) return std::vector<float>();
      value = *largest;
    }
    return values;
  }

  // What the blob says of the tensor, else of all its tensors, else config.json, else the only
  // format that the shapes allow.
  Result<Format> FormatOf(const std::string& name, const Place& place) const {
    const TensorInfo& codes = place.info;
    const TensorInfo& scales = ScalesOf(name, place)->info;
    const uint64_t words = codes.shape.back();
    const uint64_t groups = scales.shape.rank() == 0 ? 0 : scales.shape.back();
    const auto agrees = [&](const Format& format) {
      const auto columns = quant::UnpackedColumns(format, words);
      return columns && quant::Fits(format, *columns) &&
             quant::GroupsInRow(format, *columns) == groups;
    };
    if (const auto format = FromMetadata(place); format && agrees(*format)) return *format;
    const auto* own = declared_.Override(ModuleOf(name));
    for (const quant::Declaration* declaration :
         {own, declared_.global() ? &*declared_.global() : nullptr}) {
      if (declaration != nullptr && declaration->format && agrees(*declaration->format)) {
        return *declaration->format;
      }
    }
    const std::vector<Format> possible =
        quant::FormatsMatching(words, groups, tensor::BitsOf(scales.dtype) == 8);
    if (possible.size() == 1) return possible[0];
    return Corrupt(StrCat("nothing says what ", Quoted(name), " is packed in: its codes are ",
                          ToString(codes.shape), ", its scales ", ToString(scales.shape)));
  }

  std::optional<Format> FromMetadata(const Place& place) const {
    const tensor::Header& header = blobs_[place.blob].header;
    const auto value = [&](std::string_view key) {
      const auto own = header.FindMetadata(StrCat(place.info.name, ".", key));
      return own ? own : header.FindMetadata(key);
    };
    const auto type = value("quant_type");
    if (!type) return std::nullopt;
    const auto format = quant::ParseType(*type);
    const auto size = value("group_size");
    if (!format || !size) return format;
    const auto number = core::ParseUint(*size);
    if (!number) return std::nullopt;
    const auto sized = quant::MakeFormat(format->mode, format->bits, *number);
    return sized.ok() ? std::optional(*sized) : std::nullopt;
  }

  // In the order of the names, as many to a file as fit.
  Status MakeShards() {
    std::ranges::sort(tensors_, {}, [](const ExportedTensor& t) { return t.spec.name; });
    for (size_t i = 1; i < tensors_.size(); ++i) {
      if (tensors_[i].spec.name != tensors_[i - 1].spec.name) continue;
      return Corrupt(
          StrCat("two tensors would both be exported as ", Quoted(tensors_[i].spec.name)));
    }
    uint64_t filled = 0;
    for (ExportedTensor& tensor : tensors_) {
      if (plan_.shards.empty() || (filled > 0 && filled + tensor.size > shard_bytes_)) {
        plan_.shards.emplace_back();
        filled = 0;
      }
      filled += tensor.size;
      plan_.shards.back().tensors.push_back(std::move(tensor));
    }
    const size_t count = plan_.shards.size();
    Json map = Json::object();
    uint64_t total = 0;
    for (size_t i = 0; i < count; ++i) {
      ExportShard& shard = plan_.shards[i];
      shard.name = count == 1
                       ? std::string("model.safetensors")
                       : StrCat("model-", Padded(i + 1), "-of-", Padded(count), ".safetensors");
      std::vector<tensor::TensorSpec> specs;
      for (const ExportedTensor& tensor : shard.tensors) {
        specs.push_back(tensor.spec);
        map[tensor.spec.name] = shard.name;
        total += tensor.size;
        ++plan_.tensors;
      }
      INGOT_ASSIGN(shard.file,
                   tensor::SafetensorsPlan::Make(std::move(specs), {{"format", "mlx"}}));
      plan_.bytes += shard.file->file_size();
    }
    const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", std::move(map)}};
    plan_.index = index.dump(4) + "\n";
    return Status::Ok();
  }

  static std::string Padded(size_t number) {
    const std::string digits = StrCat(number);
    return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  }

  // The format of most values is said once, every other weight's for itself.
  Status MakeConfig() {
    INGOT_ASSIGN(plan_.config, WithoutQuantization(model_.config_text));
    if (packed_.empty()) return Status::Ok();
    std::vector<std::pair<Format, uint64_t>> totals;
    for (const auto& [format, words] : weight_of_) {
      const auto it = std::ranges::find(totals, format, &std::pair<Format, uint64_t>::first);
      if (it == totals.end()) {
        totals.emplace_back(format, words);
      } else {
        it->second += words;
      }
    }
    // What the model is called by, where it has that; else what most of it is in.
    auto chosen = std::ranges::find_if(
        totals, [&](const auto& total) { return quant::TypeName(total.first) == file_type_; });
    if (chosen == totals.end()) {
      chosen = std::ranges::max_element(totals, {}, &std::pair<Format, uint64_t>::second);
    }
    const Format common = chosen->first;
    Json block = ToJson(common);
    for (const Packed& packed : packed_) {
      if (packed.format == common && !packed.global_scale) continue;
      Json entry = ToJson(packed.format);
      if (packed.global_scale) entry["global_scale"] = true;
      for (const std::string& path : ModulePathsOf(model_, packed.module)) block[path] = entry;
    }
    INGOT_ASSIGN(plan_.config, WithMember(plan_.config, "quantization", block.dump()));
    return Status::Ok();
  }

  struct Packed {
    std::string module;
    Format format;
    bool global_scale = false;
  };

  const Inventory& model_;
  const std::string_view prefix_;
  const std::string_view file_type_;
  const std::vector<StoredBlob>& blobs_;
  BlobReader& reader_;
  const uint64_t shard_bytes_;
  quant::DeclaredQuantization declared_;
  std::map<std::string, Place, std::less<>> places_;
  std::vector<ExportedTensor> tensors_;
  std::vector<Packed> packed_;
  std::vector<std::pair<Format, uint64_t>> weight_of_;  // words of codes in each format
  bool raw_ = false;  // convolutions as they were trained, so norms too
  bool warned_of_raw_experts_ = false;
  ExportPlan plan_;
};

}  // namespace

Result<ExportPlan> PlanExport(const Inventory& model, std::string_view prefix,
                              std::string_view file_type, const std::vector<StoredBlob>& blobs,
                              BlobReader& reader, uint64_t shard_bytes) {
  return Exporter(model, prefix, file_type, blobs, reader, shard_bytes).Make();
}

}  // namespace ingot::import
