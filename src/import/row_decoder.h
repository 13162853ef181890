// Turns rows of a source, however they are encoded, into floats of the type that a plan passes on.
// Internal to the room; one object, one weight, one thread.
#ifndef INGOT_IMPORT_ROW_DECODER_H_
#define INGOT_IMPORT_ROW_DECODER_H_

#include <cstddef>
#include <span>
#include <vector>

#include "core/status.h"
#include "core/thread_pool.h"
#include "import/plan.h"
#include "import/rows.h"
#include "import/source_bytes.h"

namespace ingot::import {

class RowDecoder {
 public:
  // All outlive the decoder.
  RowDecoder(const Plan& plan, const PlannedWeight& weight, SourceBytes& bytes,
             core::ThreadPool& pool)
      : plan_(plan), weight_(weight), bytes_(bytes), pool_(pool) {}

  // Values of type weight.through, row by row. The span is good until the next call.
  core::Result<std::span<const std::byte>> Decode(const RowPiece& piece);

 private:
  core::Result<std::span<const std::byte>> DecodePlain(const RowPiece& piece);
  core::Result<std::span<const std::byte>> DecodeFp8(const RowPiece& piece);
  core::Result<std::span<const std::byte>> DecodeQuantized(const RowPiece& piece);
  // Makes scales_ those of the source.
  core::Status LoadScales(const SourceWeight& source);

  const Plan& plan_;
  const PlannedWeight& weight_;
  SourceBytes& bytes_;
  core::ThreadPool& pool_;
  const SourceWeight* scales_of_ = nullptr;
  std::vector<float> scales_;  // of 8-bit floats, or the global scales of a quantized source
  std::vector<std::byte> gathered_[3];
  std::vector<std::byte> unscaled_;
  std::vector<std::byte> decoded_;
};

// What a weight's global scales are in our measure: one a slab of the weight, or one. Fails on
// scales that are zero, infinite or NaN.
core::Result<std::vector<float>> GlobalScales(const Plan& plan, const SourceWeight& source,
                                              SourceBytes& bytes);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_ROW_DECODER_H_
