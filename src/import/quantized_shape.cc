#include "import/quantized_shape.h"

#include <algorithm>

#include "core/checked.h"
#include "core/strings.h"

namespace ingot::import {
namespace {

using core::Corrupt;
using core::Quoted;
using core::Status;
using core::StrCat;
using quant::Format;
using tensor::DType;
using tensor::Shape;

std::string Show(const SourceTensor& tensor) {
  return StrCat(Quoted(tensor.name), " ", NameOf(tensor.dtype), " ", ToString(tensor.shape));
}

Status Mismatch(const SourceTensor& weight, const SourceTensor& scales, std::string_view expected) {
  return Corrupt(
      StrCat(Show(weight), " and its scales ", Show(scales), " do not fit together: ", expected));
}

// shape with another last dimension.
core::Result<Shape> WithLast(const Shape& shape, uint64_t last) {
  std::vector<uint64_t> dims(shape.begin(), shape.end());
  dims.back() = last;
  return Shape::Make(dims);
}

bool SameLeading(const Shape& a, const Shape& b) {
  return a.rank() == b.rank() && a.rank() >= 2 && std::equal(a.begin(), a.end() - 1, b.begin());
}

bool IsE8M0(DType type) { return type == DType::kF8E8M0 || type == DType::kU8; }
bool IsE4M3(DType type) { return type == DType::kF8E4M3 || type == DType::kU8; }
bool IsFloatScale(DType type) {
  return type == DType::kBF16 || type == DType::kF16 || type == DType::kF32;
}

// Sets what is common to all quantized weights; columns: values in a row.
Status Finish(const Inventory& inventory, Format format, uint64_t columns, SourceWeight& weight) {
  const SourceTensor& codes = inventory.tensors[weight.weight];
  weight.encoding = Encoding::kQuantized;
  weight.format = format;
  INGOT_ASSIGN(weight.shape, WithLast(codes.shape, columns).Context(Quoted(codes.name)));
  if (weight.shape.rank() > 3) {
    return core::Unsupported(
        StrCat("the quantized weight ", Show(codes), " has more than three dimensions"));
  }
  if (weight.global == kNoTensor) return Status::Ok();
  const SourceTensor& global = inventory.tensors[weight.global];
  if (!quant::InfoOf(format.mode).takes_global_scale) {
    return Corrupt(StrCat(Show(global), " is a global scale, which ", quant::Describe(format),
                          " does not have"));
  }
  // One for the tensor, or one for each matrix of a stack.
  const uint64_t slabs = weight.shape.rank() == 3 ? weight.shape[0] : 1;
  INGOT_ASSIGN(const uint64_t count, ElementCount(global.shape));
  if (global.dtype != DType::kF32 || (count != 1 && count != slabs)) {
    return Corrupt(StrCat("the global scale ", Show(global), " must be F32 and have ",
                          slabs == 1 ? "one element" : StrCat("1 or ", slabs, " elements")));
  }
  return Status::Ok();
}

std::string Alternatives(const std::vector<Format>& formats) {
  std::vector<std::string> names;
  for (Format format : formats) names.push_back(quant::Describe(format));
  return core::Join(names, "; ");
}

// The format of codes in words: what is declared for the module, if the shapes allow it.
core::Result<Format> ChooseFormat(const SourceTensor& codes, const SourceTensor& scales,
                                  const quant::DeclaredQuantization& declared,
                                  std::string_view module, std::vector<std::string>& warnings) {
  const bool byte_scales = !IsFloatScale(scales.dtype);
  const std::vector<Format> fitting =
      quant::FormatsMatching(codes.shape.back(), scales.shape.back(), byte_scales);
  const auto fits = [&](Format format) {
    return std::find(fitting.begin(), fitting.end(), format) != fitting.end();
  };
  const quant::Declaration* entry = declared.Override(module);
  if (entry != nullptr) {
    if (!entry->format) {
      return Corrupt(StrCat("config.json declares ", Quoted(module),
                            " not to be quantized, but it has scales: ", Show(scales)));
    }
    if (fits(*entry->format)) return *entry->format;
    return Corrupt(StrCat("config.json declares ", Quoted(module), " to be ",
                          quant::Describe(*entry->format), ", which contradicts ", Show(codes),
                          " and ", Show(scales),
                          fitting.empty() ? "" : StrCat("; these fit ", Alternatives(fitting))));
  }
  const auto& global = declared.global();
  if (global && global->format && fits(*global->format)) return *global->format;
  if (fitting.empty()) return Mismatch(codes, scales, "no format has such shapes");
  if (fitting.size() == 1) {
    if (global && global->format) {
      warnings.push_back(StrCat("config.json declares every module to be ",
                                quant::Describe(*global->format), ", but ", Quoted(module),
                                " can only be ", quant::Describe(fitting[0]), " and is read so"));
    }
    return fitting[0];
  }
  if (global && global->format) {
    return Corrupt(StrCat("config.json declares every module to be ",
                          quant::Describe(*global->format), ", which contradicts ", Show(codes),
                          " and ", Show(scales), "; these fit ", Alternatives(fitting)));
  }
  return Corrupt(StrCat(Show(codes), " and ", Show(scales),
                        " fit more than one format and config.json does not say which: ",
                        Alternatives(fitting)))
      .WithHint("a \"quantization\" block in config.json with bits and group_size decides it");
}

Status CheckBiases(const Inventory& inventory, const SourceWeight& weight) {
  const SourceTensor& codes = inventory.tensors[weight.weight];
  const SourceTensor& scales = inventory.tensors[weight.scales];
  if (!quant::InfoOf(weight.format.mode).has_biases) {
    if (weight.biases == kNoTensor) return Status::Ok();
    return Corrupt(StrCat(Show(inventory.tensors[weight.biases]), " lies beside ", Show(codes),
                          ", but ", quant::Describe(weight.format), " has no biases"));
  }
  if (weight.biases == kNoTensor) {
    return Corrupt(StrCat(Show(codes), " is ", quant::Describe(weight.format),
                          " and needs biases beside its scales ", Quoted(scales.name)));
  }
  const SourceTensor& biases = inventory.tensors[weight.biases];
  if (biases.shape == scales.shape && biases.dtype == scales.dtype) return Status::Ok();
  return Corrupt(StrCat("the biases ", Show(biases), " must look like the scales ", Show(scales)));
}

// Codes and scales of the floating-point formats, one-byte scales each.
core::Result<Format> ByteFormat(const SourceTensor& codes, const SourceTensor& scales,
                                uint64_t columns, int bits) {
  for (const quant::TypeInfo& type : quant::Types()) {
    const Format format = type.format;
    const quant::ScaleKind kind = quant::InfoOf(format.mode).scales;
    const bool fits = (kind == quant::ScaleKind::kE4M3 && IsE4M3(scales.dtype)) ||
                      (kind == quant::ScaleKind::kE8M0 && IsE8M0(scales.dtype));
    if (fits && format.bits == bits && quant::Fits(format, columns) &&
        scales.shape.back() == quant::GroupsInRow(format, columns)) {
      return format;
    }
  }
  return Mismatch(codes, scales,
                  StrCat("rows of ", columns,
                         " values take F8_E4M3 scales of 16 values each or F8_E8M0 scales of 32"));
}

}  // namespace

Status ResolveWords(const Inventory& inventory, const quant::DeclaredQuantization& declared,
                    SourceWeight& weight, std::vector<std::string>& warnings) {
  const SourceTensor& codes = inventory.tensors[weight.weight];
  const SourceTensor& scales = inventory.tensors[weight.scales];
  if (!SameLeading(codes.shape, scales.shape)) {
    return Mismatch(codes, scales, "all dimensions but the last must be equal");
  }
  if (weight.global_kind == GlobalScale::kMultiplier || scales.dtype == DType::kF8E4M3) {
    const auto columns = core::CheckedMul<uint64_t>(codes.shape.back(), 8);
    INGOT_ASSIGN(const Format format, ByteFormat(codes, scales, *columns, 4));
    return Finish(inventory, format, *columns, weight);
  }
  if (!IsFloatScale(scales.dtype) && !IsE8M0(scales.dtype)) {
    return Mismatch(codes, scales, "scales are BF16, F16, F32 or U8");
  }
  INGOT_ASSIGN(weight.format, ChooseFormat(codes, scales, declared, weight.base, warnings));
  INGOT_TRY(CheckBiases(inventory, weight));
  return Finish(inventory, weight.format,
                *quant::UnpackedColumns(weight.format, codes.shape.back()), weight);
}

Status ResolveBytes(const Inventory& inventory, SourceWeight& weight) {
  const SourceTensor& codes = inventory.tensors[weight.weight];
  const SourceTensor& scales = inventory.tensors[weight.scales];
  if (!SameLeading(codes.shape, scales.shape)) {
    return Mismatch(codes, scales, "all dimensions but the last must be equal");
  }
  const uint64_t columns = codes.shape.back() * 2;
  INGOT_ASSIGN(const Format format, ByteFormat(codes, scales, columns, 4));
  return Finish(inventory, format, columns, weight);
}

Status ResolveBlocks(const Inventory& inventory, SourceWeight& weight) {
  const SourceTensor& codes = inventory.tensors[weight.weight];
  const SourceTensor& scales = inventory.tensors[weight.scales];
  const size_t rank = codes.shape.rank();
  const bool fits = scales.dtype == DType::kU8 && rank >= 3 && scales.shape.rank() + 1 == rank &&
                    codes.shape.back() == 16 &&
                    std::equal(scales.shape.begin(), scales.shape.end(), codes.shape.begin());
  if (!fits) {
    return Mismatch(codes, scales, "blocks are [..., groups, 16], scales U8 [..., groups]");
  }
  weight.encoding = Encoding::kQuantized;
  weight.format = *quant::ParseType("mxfp4");
  INGOT_ASSIGN(weight.shape, WithLast(scales.shape, scales.shape.back() * 32));
  return Status::Ok();
}

Status ResolveFp8(const Inventory& inventory, const std::optional<BlockSize>& declared,
                  SourceWeight& weight) {
  const SourceTensor& codes = inventory.tensors[weight.weight];
  const SourceTensor& scales = inventory.tensors[weight.scales];
  const Shape& shape = codes.shape;
  const size_t rank = shape.rank();
  if (rank != 2 && rank != 3) {
    return core::Unsupported(
        StrCat("the weight ", Show(codes), " must have two or three dimensions"));
  }
  weight.encoding = Encoding::kFp8;
  weight.shape = shape;
  const uint64_t rows = shape[rank - 2];
  const uint64_t columns = shape[rank - 1];
  const uint64_t slabs = rank == 3 ? shape[0] : 1;
  INGOT_ASSIGN(const uint64_t count, ElementCount(scales.shape));
  if (IsE8M0(scales.dtype) && SameLeading(shape, scales.shape) && columns % 32 == 0 &&
      scales.shape.back() == columns / 32) {
    return Finish(inventory, *quant::ParseType("mxfp8"), columns, weight);
  }
  if (!IsFloatScale(scales.dtype) && scales.dtype != DType::kF8E8M0) {
    return Mismatch(codes, scales, "scales are F32, BF16, F16 or F8_E8M0");
  }
  if (count == 1 || (rank == 3 && count == slabs)) {
    weight.fp8_scales = Fp8Scales::kTensor;
    return Status::Ok();
  }
  const bool rank_fits = scales.shape.rank() == rank;
  if (count == slabs * rows && (!rank_fits || scales.shape.back() == 1)) {
    weight.fp8_scales = Fp8Scales::kRows;
    return Status::Ok();
  }
  if (!declared) {
    return Corrupt(StrCat("nothing in config.json says how large the blocks of ", Show(codes),
                          " are that its scales ", Show(scales), " belong to"))
        .WithHint("expected \"weight_block_size\": [128, 128] in \"quantization_config\"");
  }
  if (*declared != BlockSize{kFp8Block, kFp8Block}) {
    return core::Unsupported(StrCat("config.json declares blocks of ", declared->rows, " by ",
                                    declared->columns,
                                    " for 8-bit floats; only 128 by 128 can be imported"));
  }
  const uint64_t block_rows = core::CeilDiv(rows, kFp8Block);
  const uint64_t block_columns = core::CeilDiv(columns, kFp8Block);
  if (!rank_fits || scales.shape[rank - 2] != block_rows || scales.shape.back() != block_columns ||
      (rank == 3 && scales.shape[0] != slabs)) {
    return Mismatch(
        codes, scales,
        StrCat("blocks of 128 by 128 take scales [", rank == 3 ? StrCat(slabs, ", ") : "",
               block_rows, ", ", block_columns, "]"));
  }
  weight.fp8_scales = Fp8Scales::kBlocks;
  return Status::Ok();
}

}  // namespace ingot::import
