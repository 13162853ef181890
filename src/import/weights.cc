#include "import/weights.h"

#include <algorithm>
#include <optional>
#include <span>

#include "core/checked.h"
#include "core/strings.h"
#include "import/foreign.h"
#include "import/fp8_block.h"
#include "import/quantized_shape.h"
#include "quant/declared.h"

namespace ingot::import {
namespace {

using core::Corrupt;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;
using tensor::DType;
using Names = std::span<const std::string_view>;

// How a pattern's tensors hold codes and scales.
enum class Layout : uint8_t { kWords, kBytes, kBlocksOf16, kFp8 };

// What one program calls the tensors of a quantized weight. A pattern fits a tensor whose name ends
// with `weight`, whose type is `type`, and beside which one of `scales` lies.
struct Pattern {
  std::string_view weight;
  DType type;
  Layout layout;
  Names scales;
  std::string_view biases = {};
  std::string_view global = {};
  GlobalScale global_kind = GlobalScale::kNone;
  Names dropped = {};
};

constexpr std::string_view kMlxScales[] = {".scales"};
constexpr std::string_view kWeightScale[] = {".weight_scale"};
constexpr std::string_view kBlockScales[] = {"_scales"};
constexpr std::string_view kFp8Scale[] = {".weight_scale_inv", ".weight_scale"};
constexpr std::string_view kBareFp8Scale[] = {"_scale_inv", "_scale", "_weight_scale"};
constexpr std::string_view kActivations[] = {".input_scale", ".input_global_scale",
                                             ".activation_scale"};
constexpr std::string_view kBareActivations[] = {"_input_scale", "_activation_scale"};

constexpr Pattern kPatterns[] = {
    {".weight", DType::kU32, Layout::kWords, kMlxScales, ".biases", ".global_scale",
     GlobalScale::kLargest},
    {".weight_packed",
     DType::kU8,
     Layout::kBytes,
     kWeightScale,
     {},
     ".weight_global_scale",
     GlobalScale::kDivisor,
     kActivations},
    {".weight",
     DType::kU8,
     Layout::kBytes,
     kWeightScale,
     {},
     ".weight_scale_2",
     GlobalScale::kMultiplier,
     kActivations},
    {".weight",
     DType::kU32,
     Layout::kWords,
     kWeightScale,
     {},
     ".weight_scale_2",
     GlobalScale::kMultiplier,
     kActivations},
    {"_blocks", DType::kU8, Layout::kBlocksOf16, kBlockScales},
    {".weight", DType::kF8E4M3, Layout::kFp8, kFp8Scale, {}, {}, GlobalScale::kNone, kActivations},
    {"_proj",
     DType::kF8E4M3,
     Layout::kFp8,
     kBareFp8Scale,
     {},
     {},
     GlobalScale::kNone,
     kBareActivations},
};

constexpr std::string_view kActivationReason =
    "scales activations, which are not quantized at run time";

bool IsPackedInteger(DType type) {
  return type == DType::kU32 || type == DType::kI32 || type == DType::kU8 || type == DType::kI8;
}

class Finder {
 public:
  explicit Finder(const Inventory& inventory)
      : inventory_(inventory), taken_(inventory.tensors.size()) {}

  Result<SourceWeights> Find() {
    INGOT_TRY(RefuseForeignFormats(inventory_));
    INGOT_ASSIGN(declared_, quant::DeclaredQuantization::Parse(inventory_.config));
    block_ = DeclaredBlockSize(inventory_.config);
    for (uint32_t i = 0; i < inventory_.tensors.size(); ++i) INGOT_TRY(TryPatterns(i));
    for (uint32_t i = 0; i < inventory_.tensors.size(); ++i) {
      if (!taken_[i]) INGOT_TRY(AddPlain(i));
    }
    std::ranges::sort(found_.weights, {}, [](const SourceWeight& w) { return w.weight; });
    return std::move(found_);
  }

 private:
  const SourceTensor& At(uint32_t i) const { return inventory_.tensors[i]; }

  uint32_t Companion(std::string_view base, std::string_view suffix) const {
    if (suffix.empty()) return kNoTensor;
    return inventory_.Find(StrCat(base, suffix)).value_or(kNoTensor);
  }
  uint32_t FirstCompanion(std::string_view base, Names suffixes) const {
    for (std::string_view suffix : suffixes) {
      if (const uint32_t i = Companion(base, suffix); i != kNoTensor) return i;
    }
    return kNoTensor;
  }

  Status TryPatterns(uint32_t i) {
    const SourceTensor& tensor = At(i);
    for (const Pattern& pattern : kPatterns) {
      if (tensor.dtype != pattern.type || !tensor.name.ends_with(pattern.weight)) continue;
      // A bare name is its own base: "…experts.gate_up_proj".
      const bool bare = pattern.weight == "_proj";
      std::string_view base = tensor.name;
      if (!bare) base.remove_suffix(pattern.weight.size());
      const uint32_t scales = FirstCompanion(base, pattern.scales);
      if (scales == kNoTensor) continue;
      SourceWeight weight;
      weight.base = base;
      weight.tail = bare ? "" : ".weight";
      weight.weight = i;
      weight.scales = scales;
      weight.biases = Companion(base, pattern.biases);
      weight.global = Companion(base, pattern.global);
      weight.global_kind = weight.global == kNoTensor ? GlobalScale::kNone : pattern.global_kind;
      INGOT_TRY(Resolve(pattern.layout, weight));
      Take(weight, pattern.dropped);
      return Status::Ok();
    }
    return Status::Ok();
  }

  Status Resolve(Layout layout, SourceWeight& weight) {
    switch (layout) {
      case Layout::kWords:
        return ResolveWords(inventory_, declared_, weight, found_.warnings);
      case Layout::kBytes:
        return ResolveBytes(inventory_, weight);
      case Layout::kBlocksOf16:
        return ResolveBlocks(inventory_, weight);
      case Layout::kFp8:
        return ResolveFp8(inventory_, block_, weight);
    }
    return Status::Ok();
  }

  void Take(const SourceWeight& weight, Names dropped) {
    for (uint32_t i : {weight.weight, weight.scales, weight.biases, weight.global}) {
      if (i != kNoTensor) taken_[i] = true;
    }
    for (std::string_view suffix : dropped) {
      const uint32_t i = Companion(weight.base, suffix);
      if (i == kNoTensor || taken_[i]) continue;
      taken_[i] = true;
      found_.dropped.push_back({i, kActivationReason});
    }
    found_.weights.push_back(weight);
  }

  Status AddPlain(uint32_t i) {
    const SourceTensor& tensor = At(i);
    INGOT_TRY(CheckPlain(tensor));
    SourceWeight weight;
    weight.base = tensor.name;
    if (tensor.name.ends_with(".weight")) {
      weight.tail = ".weight";
      weight.base.resize(weight.base.size() - weight.tail.size());
    }
    weight.weight = i;
    weight.shape = tensor.shape;
    if (const auto* entry = declared_.Override(weight.base);
        entry != nullptr && entry->format && weight.tail == ".weight") {
      return Corrupt(StrCat("config.json declares ", Quoted(weight.base), " to be ",
                            quant::Describe(*entry->format), ", but ", Quoted(tensor.name), " is ",
                            NameOf(tensor.dtype), " ", ToString(tensor.shape),
                            " and has no scales beside it"));
    }
    found_.weights.push_back(std::move(weight));
    return Status::Ok();
  }

  // A tensor that is nobody's companion must be what it looks like.
  Status CheckPlain(const SourceTensor& tensor) {
    const bool weight = tensor.name.ends_with(".weight") ||
                        tensor.name.ends_with(".weight_packed") ||
                        tensor.name.ends_with("_blocks") || tensor.name.ends_with("_proj");
    if (!weight) return Status::Ok();
    switch (tensor.dtype) {
      case DType::kF8E5M2:
      case DType::kF8E5M2Fnuz:
      case DType::kF8E4M3Fnuz:
        return core::Unsupported(StrCat("the weight ", Quoted(tensor.name), " is ",
                                        NameOf(tensor.dtype),
                                        ", which cannot be imported; expected F8_E4M3"));
      case DType::kF8E4M3:
        return Corrupt(
            StrCat("the weight ", Quoted(tensor.name), " is F8_E4M3 and has no scales: expected ",
                   Quoted(tensor.name + "_scale_inv"), " or ", Quoted(tensor.name + "_scale")));
      default:
        break;
    }
    if (!IsPackedInteger(tensor.dtype)) return Status::Ok();
    const std::string method = DeclaredMethod(inventory_);
    return Corrupt(StrCat("the weight ", Quoted(tensor.name), " holds packed integers (",
                          NameOf(tensor.dtype), " ", ToString(tensor.shape),
                          ") and no scales that we know lie beside it",
                          method.empty() ? "" : StrCat("; ", method)));
  }

  const Inventory& inventory_;
  quant::DeclaredQuantization declared_;
  std::optional<BlockSize> block_;
  std::vector<bool> taken_;
  SourceWeights found_;
};

}  // namespace

bool SourceWeights::Has(Encoding encoding) const {
  return std::ranges::any_of(weights,
                             [&](const SourceWeight& w) { return w.encoding == encoding; });
}

Result<SourceWeights> FindWeights(const Inventory& inventory) { return Finder(inventory).Find(); }

}  // namespace ingot::import
