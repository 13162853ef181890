#include "model/resolve.h"

#include <algorithm>
#include <vector>

#include "core/strings.h"

namespace ingot::model {
namespace {

using core::Corrupt;
using core::Result;
using core::Status;
using core::StrCat;

struct Claim {
  Declaration declaration;
  std::string source;  // "config.json's entry for it"
};

std::string ShapesText(const PackedTensor& tensor) {
  return StrCat("codes ", ToString(tensor.codes), " with ", NameOf(tensor.scale_type), " scales ",
                ToString(tensor.scales), tensor.has_biases ? " and zero points" : "");
}

// What is wrong with the shapes before any format is considered.
Status CheckShapes(const PackedTensor& tensor) {
  const size_t rank = tensor.codes.rank();
  bool matches = rank >= 2 && rank == tensor.scales.rank();
  for (size_t axis = 0; matches && axis + 1 < rank; ++axis) {
    matches = tensor.codes[axis] == tensor.scales[axis];
  }
  if (matches && tensor.scales.back() > 0) return Status::Ok();
  return Corrupt(StrCat(core::Printable(tensor.name), ": ", ShapesText(tensor),
                        " do not belong together: all dimensions but the last must agree"));
}

std::vector<quant::Format> Candidates(const PackedTensor& tensor) {
  const bool byte_scales = tensor.scale_type == tensor::DType::kU8 ||
                           tensor.scale_type == tensor::DType::kF8E4M3 ||
                           tensor.scale_type == tensor::DType::kF8E8M0;
  std::vector<quant::Format> fitting =
      quant::FormatsMatching(tensor.codes.back(), tensor.scales.back(), byte_scales);
  std::erase_if(fitting, [&](const quant::Format& format) {
    return quant::InfoOf(format.mode).has_biases != tensor.has_biases;
  });
  return fitting;
}

// Stores that say nothing of a tensor hold one of the formats that their writers had: 4 or 8 bits
// in groups of 64, or of 32 before that. What else has the same shapes never came without a word.
bool CameWithoutAWord(const quant::Format& format) {
  return format.mode != quant::Mode::kAffine ||
         ((format.bits == 4 || format.bits == 8) &&
          (format.group_size == 64 || format.group_size == 32));
}

std::string ListText(const std::vector<quant::Format>& formats) {
  std::vector<std::string> texts;
  for (const quant::Format& format : formats) texts.push_back(quant::Describe(format));
  return core::Join(texts, " or ");
}

bool Agrees(const Declaration& declaration, const quant::Format& format) {
  return declaration.mode == format.mode &&
         (!declaration.bits || *declaration.bits == format.bits) &&
         (!declaration.group_size || *declaration.group_size == format.group_size);
}

// A blob's metadata names a type, and says the group size only sometimes.
Result<std::optional<Claim>> ClaimOfMetadata(const PackedTensor& tensor,
                                             const std::optional<std::string>& type,
                                             const std::optional<std::string>& group_size,
                                             std::string_view source) {
  if (!type || type->empty()) return std::optional<Claim>();
  const std::optional<quant::Format> format = quant::ParseType(*type);
  if (!format) {
    return Corrupt(StrCat(core::Printable(tensor.name), ": ", source, " says quant_type ",
                          core::Quoted(*type, 60), ", which is no type that exists"));
  }
  Claim claim{{format->mode, format->bits, std::nullopt}, std::string(source)};
  if (group_size && !group_size->empty()) {
    claim.declaration.group_size = core::ParseUint(*group_size);
    if (!claim.declaration.group_size) {
      return Corrupt(StrCat(core::Printable(tensor.name), ": ", source, " says group_size ",
                            core::Quoted(*group_size, 60), ", which is no number"));
    }
  }
  return std::optional<Claim>(std::move(claim));
}

Result<std::optional<Claim>> FirstClaim(const PackedTensor& tensor, const QuantConfig& config,
                                        const BlobMetadata& metadata) {
  const Override* entry = config.Find(tensor.name);
  if (entry != nullptr && !entry->quantized) {
    return Corrupt(StrCat(core::Printable(tensor.name),
                          ": config.json says that it is not quantized, but it is stored with ",
                          ShapesText(tensor)));
  }
  if (entry != nullptr && entry->declaration) {
    return std::optional<Claim>(Claim{*entry->declaration, "config.json's entry for it"});
  }
  INGOT_ASSIGN(std::optional<Claim> own,
               ClaimOfMetadata(tensor, metadata.tensor_type, metadata.tensor_group_size,
                               "its own metadata"));
  if (own) return own;
  INGOT_ASSIGN(
      std::optional<Claim> blob,
      ClaimOfMetadata(tensor, metadata.blob_type, metadata.blob_group_size, "its blob's metadata"));
  if (blob) return blob;
  if (config.global()) {
    return std::optional<Claim>(Claim{*config.global(), "config.json's model-wide quantization"});
  }
  return std::optional<Claim>();
}

}  // namespace

Result<quant::Format> ResolveFormat(const PackedTensor& tensor, const QuantConfig& config,
                                    const BlobMetadata& metadata) {
  INGOT_TRY(CheckShapes(tensor));
  INGOT_ASSIGN(const std::optional<Claim> claim, FirstClaim(tensor, config, metadata));
  std::vector<quant::Format> fitting = Candidates(tensor);
  if (fitting.empty()) {
    return Corrupt(
        StrCat(core::Printable(tensor.name), ": no quantization format has ", ShapesText(tensor),
               claim ? StrCat("; ", claim->source, " says ", Describe(claim->declaration)) : ""));
  }
  if (claim) {
    const std::string all = ListText(fitting);
    std::erase_if(fitting, [&](const quant::Format& f) { return !Agrees(claim->declaration, f); });
    if (fitting.empty()) {
      return Corrupt(StrCat(core::Printable(tensor.name), ": ", claim->source, " says ",
                            Describe(claim->declaration), ", but ", ShapesText(tensor),
                            " can only be ", all));
    }
  } else if (std::count_if(fitting.begin(), fitting.end(), CameWithoutAWord) == 1) {
    std::erase_if(fitting, [](const quant::Format& f) { return !CameWithoutAWord(f); });
  }
  if (fitting.size() > 1) {
    return Corrupt(StrCat(core::Printable(tensor.name), ": ", ShapesText(tensor), " may be ",
                          ListText(fitting), ", and neither config.json nor the blob says which"))
        .WithHint("Add a \"quantization\" block with bits and group_size to config.json.");
  }
  return fitting.front();
}

}  // namespace ingot::model
