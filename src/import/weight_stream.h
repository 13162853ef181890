// Carries one weight from its sources into a blob, chunk by chunk: gathers rows, decodes, quantizes
// or copies them, looks for values that no model can work with. Memory does not depend on the size
// of the weight. One call, one thread.
#ifndef INGOT_IMPORT_WEIGHT_STREAM_H_
#define INGOT_IMPORT_WEIGHT_STREAM_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/status.h"
#include "core/thread_pool.h"
#include "import/blob_target.h"
#include "import/plan.h"
#include "import/source_bytes.h"
#include "quant/encode.h"

namespace ingot::import {

// What was noticed while a weight passed by.
struct WeightFindings {
  uint64_t nonfinite = 0;  // rows with NaN or infinity where it was quantized, else values
  std::optional<uint64_t> first_nonfinite_row;
  uint64_t zeroed_rows = 0;  // rows with values that were all quantized to zero
  std::optional<uint64_t> first_zeroed_row;
  std::optional<quant::QuantError> error;  // what quantizing lost, where it was measured
};

struct StreamOptions {
  bool measure = false;  // fill WeightFindings::error
  // Bytes of scales and biases of one weight that are held until its codes are written; more go
  // into the file ahead.
  uint64_t companion_bytes = uint64_t{32} << 20;
  core::ThreadPool* pool = nullptr;
  const std::atomic<bool>* cancelled = nullptr;          // looked at between chunks
  std::function<void(uint64_t bytes)> on_progress = {};  // of the source, as they are done with
};

// position: of the weight's first byte in the file.
core::Result<WeightFindings> StreamWeight(const Plan& plan, const PlannedWeight& weight,
                                          SourceBytes& bytes, uint64_t position, BlobTarget& target,
                                          const StreamOptions& options);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_WEIGHT_STREAM_H_
