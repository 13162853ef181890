#include "import/weight_stream.h"

#include <algorithm>
#include <vector>

#include "core/strings.h"
#include "import/finite.h"
#include "import/read_behind.h"
#include "import/row_decoder.h"
#include "import/rows.h"

namespace ingot::import {
namespace {

using core::Result;
using core::Status;
using quant::FloatType;
using tensor::DType;

// Of floats that are decoded at once: fits the second-level cache together with what comes of them.
constexpr uint64_t kDecodedBytes = uint64_t{512} << 10;
// Of bytes that are passed on at once.
constexpr uint64_t kCopyBytes = uint64_t{4} << 20;

FloatType FloatTypeOf(DType type) {
  return type == DType::kF32   ? FloatType::kF32
         : type == DType::kF16 ? FloatType::kF16
                               : FloatType::kBF16;
}

// Scales or biases, which follow the codes in the file but come into being with them. Held in
// memory, or placed in the file where they are too many.
class Companion {
 public:
  // position: of its first byte in the file.
  Companion(BlobTarget& target, uint64_t position, uint64_t size, bool ahead)
      : target_(target), position_(position), size_(size), ahead_(ahead) {
    if (!ahead) held_.resize(size);
  }

  // Room for the next bytes, to be filled before Done.
  std::span<std::byte> Next(uint64_t bytes) {
    if (!ahead_) return std::span(held_).subspan(filled_, bytes);
    held_.resize(bytes);
    return held_;
  }
  Status Done(uint64_t bytes) {
    if (ahead_) {
      INGOT_TRY(target_.PlaceAhead(position_ + filled_, std::span(held_).first(bytes)));
    }
    filled_ += bytes;
    return Status::Ok();
  }
  Status Append() { return ahead_ ? target_.AppendPlaced(size_) : target_.Append(held_); }

 private:
  BlobTarget& target_;
  const uint64_t position_;
  const uint64_t size_;
  const bool ahead_;
  uint64_t filled_ = 0;
  std::vector<std::byte> held_;
};

class Stream {
 public:
  Stream(const Plan& plan, const PlannedWeight& weight, SourceBytes& bytes, BlobTarget& target,
         const StreamOptions& options)
      : plan_(plan),
        weight_(weight),
        bytes_(bytes),
        target_(target),
        options_(options),
        decoder_(plan, weight, bytes, *options.pool),
        behind_(bytes) {}

  Result<WeightFindings> Run(uint64_t position) {
    if (weight_.action == Action::kQuantize) {
      INGOT_TRY(Quantize(position));
    } else if (weight_.format) {
      INGOT_TRY(CopyPacked());
    } else {
      INGOT_TRY(CopyDense());
    }
    return findings_;
  }

 private:
  Status CheckCancelled() const {
    if (options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed)) {
      return core::Cancelled("the import was interrupted");
    }
    return Status::Ok();
  }

  // Everything up to row `at` of `rows` is done; parts of a weight that passes several times count
  // as shares of it.
  void Advance(uint64_t at, uint64_t rows, uint64_t begin_bytes, uint64_t share_bytes) {
    const uint64_t now =
        begin_bytes +
        (rows == 0
             ? share_bytes
             : static_cast<uint64_t>(static_cast<unsigned __int128>(share_bytes) * at / rows));
    if (options_.on_progress && now > reported_) options_.on_progress(now - reported_);
    reported_ = std::max(reported_, now);
  }

  uint64_t RowsPerChunk(uint64_t row_bytes, uint64_t chunk) const {
    return row_bytes == 0 ? UINT64_MAX : std::max<uint64_t>(chunk / row_bytes, 1);
  }

  // Pages of the source that a piece covered are wanted no more.
  void Release(uint32_t tensor, const RowPiece& piece, uint64_t row_bytes) {
    if (tensor == kNoTensor || weight_.transposed) return;
    const uint64_t end = piece.first + (piece.count - 1) * piece.step + 1;
    behind_.Done(tensor, piece.first * row_bytes, (end - piece.first) * row_bytes);
  }

  Status AppendInChunks(std::span<const std::byte> data) {
    while (!data.empty()) {
      const size_t size = std::min<size_t>(data.size(), kCopyBytes);
      INGOT_TRY(CheckCancelled());
      INGOT_TRY(target_.Append(data.first(size)));
      data = data.subspan(size);
    }
    return Status::Ok();
  }

  Status CopyDense() {
    if (weight_.elements == 0) return Status::Ok();
    RowCursor cursor(plan_, weight_);
    const uint64_t row_bytes = weight_.columns * BitsOf(weight_.through) / 8;
    const bool works = weight_.action == Action::kConvert || weight_.transposed;
    const uint64_t rows = RowsPerChunk(row_bytes, works ? kDecodedBytes : kCopyBytes);
    while (!cursor.done()) {
      INGOT_TRY(CheckCancelled());
      const RowPiece piece = cursor.Next(rows);
      INGOT_ASSIGN(const auto values, decoder_.Decode(piece));
      const uint64_t found = CountNonfinite(weight_.through, values);
      if (found > 0 && !findings_.first_nonfinite_row) findings_.first_nonfinite_row = piece.at;
      findings_.nonfinite += found;
      INGOT_TRY(AppendInChunks(values));
      Release(piece.source->weight, piece, SourceRowBytes(*piece.source, piece.source->weight));
      Advance(piece.at + piece.count, cursor.rows(), 0, weight_.source_bytes);
    }
    return Status::Ok();
  }

  // Bytes that a row takes in one of a source's tensors.
  uint64_t SourceRowBytes(const SourceWeight& source, uint32_t tensor) const {
    uint64_t elements = 1;
    for (uint32_t dim : source.shape) elements *= dim;
    const uint64_t rows = weight_.columns == 0 ? 0 : elements / weight_.columns;
    return rows == 0 ? 0 : plan_.source.tensors[tensor].size / rows;
  }

  // Codes, biases and scales as they are, one after the other.
  Status CopyPacked() {
    const SourceWeight& like = plan_.sources[weight_.rows[0].weight];
    uint64_t begin = 0;
    for (const StoredTensor& stored : weight_.stored) {
      const std::string_view suffix = std::string_view(stored.name).substr(weight_.name.size());
      if (suffix == ".global_scale") {
        INGOT_TRY(AppendGlobalScales());
        continue;
      }
      const auto part = suffix.empty()      ? &SourceWeight::weight
                        : suffix == ".bias" ? &SourceWeight::biases
                                            : &SourceWeight::scales;
      INGOT_TRY(CopyPart(part, plan_.source.tensors[like.*part].dtype, begin, stored.size));
      begin = std::min(begin + stored.size, weight_.source_bytes);
    }
    Advance(1, 1, 0, weight_.source_bytes);
    return Status::Ok();
  }

  Status CopyPart(uint32_t SourceWeight::*part, DType type, uint64_t begin, uint64_t size) {
    std::vector<std::byte> buffer;
    RowCursor cursor(plan_, weight_);
    while (!cursor.done()) {
      INGOT_TRY(CheckCancelled());
      const SourceWeight& first = plan_.sources[weight_.rows[0].weight];
      const RowPiece piece =
          cursor.Next(RowsPerChunk(SourceRowBytes(first, first.*part), kCopyBytes));
      const uint32_t tensor = piece.source->*part;
      const uint64_t row_bytes = SourceRowBytes(*piece.source, tensor);
      INGOT_ASSIGN(const auto matrix, bytes_.Bytes(tensor));
      const auto rows = GatherRows(matrix, row_bytes, piece, buffer);
      if (part != &SourceWeight::weight) {  // scales and biases may be floats
        const uint64_t found = CountNonfinite(type, rows);
        if (found > 0 && !findings_.first_nonfinite_row) findings_.first_nonfinite_row = piece.at;
        findings_.nonfinite += found;
      }
      INGOT_TRY(AppendInChunks(rows));
      Release(tensor, piece, row_bytes);
      Advance(piece.at + piece.count, cursor.rows(), begin, size);
    }
    return Status::Ok();
  }

  // One a slab, in our measure.
  Status AppendGlobalScales() {
    std::vector<float> scales;
    const uint64_t slab_rows =
        weight_.shape.rank() == 3 ? weight_.shape[1] : std::max<uint64_t>(weight_.shape[0], 1);
    RowCursor cursor(plan_, weight_);
    while (!cursor.done()) {
      const RowPiece piece = cursor.Next(slab_rows);
      INGOT_ASSIGN(const auto of_source, GlobalScales(plan_, *piece.source, bytes_));
      const uint64_t source_rows = piece.source->shape[piece.source->shape.rank() - 2];
      while (piece.count > 0 && scales.size() * slab_rows < piece.at + piece.count) {
        const uint64_t row = piece.first + (scales.size() * slab_rows - piece.at) * piece.step;
        scales.push_back(of_source[of_source.size() == 1 ? 0 : row / source_rows]);
      }
    }
    return target_.Append(std::as_bytes(std::span(scales)));
  }

  Status Quantize(uint64_t position) {
    const quant::Format format = *weight_.format;
    const FloatType type = FloatTypeOf(weight_.through);
    const quant::ModeInfo& mode = quant::InfoOf(format.mode);
    RowCursor cursor(plan_, weight_);
    // Codes, then biases if there are any, then scales: as the names sort.
    const uint64_t codes = weight_.stored[0].size;
    const uint64_t biases = mode.has_biases ? weight_.stored[1].size : 0;
    const uint64_t scales = weight_.stored.back().size;
    const bool ahead = biases + scales > options_.companion_bytes;
    Companion bias_part(target_, position + codes, biases, ahead);
    Companion scale_part(target_, position + codes + biases, scales, ahead);
    quant::EncodeSummary summary;
    quant::QuantError error;
    quant::EncodeOptions encode;
    encode.effort = plan_.recipe.high_effort ? quant::Effort::kHigh : quant::Effort::kPlain;
    encode.error = options_.measure ? &error : nullptr;
    encode.pool = options_.pool;
    std::vector<std::byte> code_buffer;
    const uint64_t rows = RowsPerChunk(weight_.columns * SizeOf(type), kDecodedBytes);
    while (!cursor.done()) {
      INGOT_TRY(CheckCancelled());
      const RowPiece piece = cursor.Next(rows);
      INGOT_ASSIGN(const auto values, decoder_.Decode(piece));
      INGOT_ASSIGN(const auto sizes, SizesFor(format, type, piece.count, weight_.columns));
      code_buffer.resize(sizes.codes);
      quant::QuantizedBytes out;
      out.codes = code_buffer;
      out.scales = scale_part.Next(sizes.scales);
      out.biases = bias_part.Next(sizes.biases);
      INGOT_TRY(quant::Encode(
          format, {.type = type, .rows = piece.count, .columns = weight_.columns, .bytes = values},
          out, &summary, encode));
      INGOT_TRY(target_.Append(code_buffer));
      INGOT_TRY(scale_part.Done(sizes.scales));
      INGOT_TRY(bias_part.Done(sizes.biases));
      for (uint32_t tensor : {piece.source->weight, piece.source->scales, piece.source->biases}) {
        if (tensor == kNoTensor || piece.source->encoding == Encoding::kFp8) continue;
        Release(tensor, piece, SourceRowBytes(*piece.source, tensor));
      }
      Advance(piece.at + piece.count, cursor.rows(), 0, weight_.source_bytes);
    }
    if (mode.has_biases) INGOT_TRY(bias_part.Append());
    INGOT_TRY(scale_part.Append());
    findings_.nonfinite = summary.nonfinite_rows;
    findings_.first_nonfinite_row = summary.first_nonfinite_row;
    findings_.zeroed_rows = summary.zeroed_rows;
    findings_.first_zeroed_row = summary.first_zeroed_row;
    if (options_.measure) findings_.error = error;
    return Status::Ok();
  }

  const Plan& plan_;
  const PlannedWeight& weight_;
  SourceBytes& bytes_;
  BlobTarget& target_;
  const StreamOptions& options_;
  RowDecoder decoder_;
  ReadBehind behind_;
  WeightFindings findings_;
  uint64_t reported_ = 0;
};

}  // namespace

Result<WeightFindings> StreamWeight(const Plan& plan, const PlannedWeight& weight,
                                    SourceBytes& bytes, uint64_t position, BlobTarget& target,
                                    const StreamOptions& options) {
  return Stream(plan, weight, bytes, target, options)
      .Run(position)
      .Context(core::Quoted(weight.name));
}

}  // namespace ingot::import
