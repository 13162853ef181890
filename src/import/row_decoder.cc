#include "import/row_decoder.h"

#include <cmath>
#include <cstring>

#include "core/strings.h"
#include "quant/block_fp8.h"
#include "quant/decode.h"
#include "quant/float_types.h"
#include "quant/fp8.h"

namespace ingot::import {
namespace {

using core::Result;
using core::Status;
using quant::FloatType;
using tensor::DType;

// The largest value that an nvfp4 group can hold, 6 times 448: MLX's global scale is the weight's
// largest value, ours the factor that makes it so.
constexpr float kNvfp4Largest = 2688.0F;

FloatType FloatTypeOf(DType type) {
  return type == DType::kF32   ? FloatType::kF32
         : type == DType::kF16 ? FloatType::kF16
                               : FloatType::kBF16;
}

double LoadF64(const std::byte* at) {
  double value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Casts count values. F64 goes through F32.
void Cast(DType from, const std::byte* in, DType to, std::byte* out, size_t count) {
  const FloatType target = FloatTypeOf(to);
  if (from == DType::kF64) {
    for (size_t i = 0; i < count; ++i) {
      StoreFloat(target, static_cast<float>(LoadF64(in + 8 * i)), out, i);
    }
    return;
  }
  if (from == DType::kF32 && to == DType::kBF16) {
    for (size_t i = 0; i < count; ++i) {
      StoreFloat(FloatType::kBF16, LoadFloat(FloatType::kF32, in, i), out, i);
    }
    return;
  }
  const FloatType source = FloatTypeOf(from);
  for (size_t i = 0; i < count; ++i) StoreFloat(target, LoadFloat(source, in, i), out, i);
}

quant::Fp8Scaling ScalingOf(Fp8Scales scales) {
  switch (scales) {
    case Fp8Scales::kBlocks:
      return quant::Fp8Scaling::kBlocks;
    case Fp8Scales::kRows:
      return quant::Fp8Scaling::kRows;
    case Fp8Scales::kTensor:
      break;
  }
  return quant::Fp8Scaling::kTensor;
}

Result<std::vector<float>> LoadFloats(const Plan& plan, uint32_t tensor, SourceBytes& bytes) {
  const SourceTensor& source = plan.source.tensors[tensor];
  INGOT_ASSIGN(const auto data, bytes.Bytes(tensor));
  INGOT_ASSIGN(const uint64_t count, ElementCount(source.shape));
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = source.dtype == DType::kF8E8M0
                    ? quant::F32FromE8M0(static_cast<uint8_t>(data[i]))
                    : LoadFloat(FloatTypeOf(source.dtype), data.data(), i);
  }
  return values;
}

}  // namespace

Result<std::vector<float>> GlobalScales(const Plan& plan, const SourceWeight& source,
                                        SourceBytes& bytes) {
  INGOT_ASSIGN(std::vector<float> scales, LoadFloats(plan, source.global, bytes));
  for (float& scale : scales) {
    const float given = scale;
    if (source.global_kind == GlobalScale::kDivisor) scale = 1.0F / given;
    if (source.global_kind == GlobalScale::kLargest) scale = given / kNvfp4Largest;
    if (given != 0 && std::isfinite(given) && std::isfinite(scale)) continue;
    std::string text;
    core::AppendPiece(text, double{given});
    return core::Corrupt(core::StrCat("the global scale ",
                                      core::Quoted(plan.source.tensors[source.global].name), " is ",
                                      text, ", expected a number that is not zero"));
  }
  return scales;
}

Status RowDecoder::LoadScales(const SourceWeight& source) {
  if (scales_of_ == &source) return Status::Ok();
  scales_.clear();
  if (source.encoding == Encoding::kFp8) {
    INGOT_ASSIGN(scales_, LoadFloats(plan_, source.scales, bytes_));
  } else if (source.global != kNoTensor) {
    INGOT_ASSIGN(scales_, GlobalScales(plan_, source, bytes_));
  }
  scales_of_ = &source;
  return Status::Ok();
}

Result<std::span<const std::byte>> RowDecoder::Decode(const RowPiece& piece) {
  switch (piece.source->encoding) {
    case Encoding::kPlain:
      return DecodePlain(piece);
    case Encoding::kFp8:
      return DecodeFp8(piece);
    case Encoding::kQuantized:
      return DecodeQuantized(piece);
  }
  return core::Internal("an encoding that nobody decodes");
}

Result<std::span<const std::byte>> RowDecoder::DecodePlain(const RowPiece& piece) {
  const DType from = plan_.source.tensors[piece.source->weight].dtype;
  INGOT_ASSIGN(const auto matrix, bytes_.Bytes(piece.source->weight));
  const size_t value_bytes = static_cast<size_t>(BitsOf(from)) / 8;
  const auto rows =
      weight_.transposed
          ? GatherTransposed(matrix, value_bytes, piece.source->shape[2], weight_.columns, piece,
                             gathered_[0])
          : GatherRows(matrix, weight_.columns * BitsOf(from) / 8, piece, gathered_[0]);
  if (from == weight_.through) return rows;
  const size_t count = rows.size() / value_bytes;
  decoded_.resize(count * static_cast<size_t>(BitsOf(weight_.through)) / 8);
  Cast(from, rows.data(), weight_.through, decoded_.data(), count);
  return std::span<const std::byte>(decoded_);
}

Result<std::span<const std::byte>> RowDecoder::DecodeFp8(const RowPiece& piece) {
  const SourceWeight& source = *piece.source;
  INGOT_TRY(LoadScales(source));
  INGOT_ASSIGN(const auto codes, bytes_.Bytes(source.weight));
  const size_t rank = source.shape.rank();
  const quant::Fp8Weight weight = {
      .kind = quant::Fp8::kE4M3,
      .layout = {.scaling = ScalingOf(source.fp8_scales),
                 .stack = rank == 3 ? static_cast<uint64_t>(source.shape[0]) : 1,
                 .rows = source.shape[rank - 2],
                 .columns = weight_.columns,
                 .one_scale = scales_.size() == 1},
      .codes = codes,
      .scale_type = FloatType::kF32,
      .scales = std::as_bytes(std::span(scales_))};
  const uint64_t row_bytes = weight_.columns * SizeOf(FloatType::kBF16);
  decoded_.resize(piece.count * row_bytes);
  // Neighbours are decoded together.
  const uint64_t rows = piece.step == 1 ? piece.count : 1;
  for (uint64_t i = 0; i < piece.count; i += rows) {
    INGOT_TRY(quant::DecodeFp8Rows(weight, piece.first + i * piece.step, rows, FloatType::kBF16,
                                   std::span(decoded_).subspan(i * row_bytes, rows * row_bytes),
                                   {.pool = &pool_}));
  }
  return std::span<const std::byte>(decoded_);
}

Result<std::span<const std::byte>> RowDecoder::DecodeQuantized(const RowPiece& piece) {
  const SourceWeight& source = *piece.source;
  INGOT_TRY(LoadScales(source));
  const uint64_t columns = weight_.columns;
  const quant::ModeInfo& mode = quant::InfoOf(source.format.mode);
  const FloatType scale_type = FloatTypeOf(plan_.source.tensors[source.scales].dtype);
  const uint64_t groups = quant::GroupsInRow(source.format, columns);
  const uint64_t scale_bytes = groups * quant::ScaleSize(mode.scales, scale_type);
  quant::QuantizedRows rows;
  rows.format = source.format;
  rows.scale_type = scale_type;
  rows.rows = piece.count;
  rows.columns = columns;
  INGOT_ASSIGN(const auto codes, bytes_.Bytes(source.weight));
  INGOT_ASSIGN(const auto scales, bytes_.Bytes(source.scales));
  rows.codes =
      GatherRows(codes, quant::PackedWords(source.format, columns) * 4, piece, gathered_[0]);
  rows.scales = GatherRows(scales, scale_bytes, piece, gathered_[1]);
  if (mode.has_biases) {
    INGOT_ASSIGN(const auto biases, bytes_.Bytes(source.biases));
    rows.biases = GatherRows(biases, scale_bytes, piece, gathered_[2]);
  }
  const FloatType through = FloatTypeOf(weight_.through);
  const uint64_t count = piece.count * columns;
  decoded_.resize(count * SizeOf(through));
  if (scales_.empty()) {
    INGOT_TRY(quant::Decode(rows, through, decoded_, {.pool = &pool_}));
    return std::span<const std::byte>(decoded_);
  }
  // With a global scale the value before it is exact in F32, and is rounded once behind it.
  unscaled_.resize(count * sizeof(float));
  INGOT_TRY(quant::Decode(rows, FloatType::kF32, unscaled_, {.pool = &pool_}));
  const uint64_t slab_rows = source.shape[source.shape.rank() - 2];
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t slab = (piece.first + i / columns * piece.step) / slab_rows;
    const float scale = scales_[scales_.size() == 1 ? 0 : slab];
    StoreFloat(through, LoadFloat(FloatType::kF32, unscaled_.data(), i) * scale, decoded_.data(),
               i);
  }
  return std::span<const std::byte>(decoded_);
}

}  // namespace ingot::import
