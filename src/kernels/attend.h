// What attention's kernel is given: a few queries that share one head of keys and values.
//
// A view; pure kernels, any thread.
#ifndef INGOT_KERNELS_ATTEND_H_
#define INGOT_KERNELS_ATTEND_H_

#include <cstddef>

#include "quant/float_types.h"

namespace ingot::kernels {

inline constexpr size_t kAttendRows = 8;

// The keys that one query sees, [begin, end), and its sink: a logit that takes weight and has no
// value, or null.
struct AttendQuery {
  size_t begin;
  size_t end;
  const float* sink;
};

struct AttendRun {
  quant::FloatType type;       // of keys and values
  size_t rows;                 // of queries, up to kAttendRows
  const AttendQuery* queries;  // one a row
  const float* q;              // rows of key_width numbers, padded with zeros to whole vectors
  size_t q_stride;             // floats
  size_t keys;                 // above 0
  const std::byte* key_rows;
  ptrdiff_t key_stride;  // bytes
  size_t key_width;
  const std::byte* value_rows;
  ptrdiff_t value_stride;
  size_t value_width;
  float scale;
  float* out;         // rows of value_width numbers
  size_t out_stride;  // floats, whole vectors
  // Where given, one a row: what is found is left as a sum, to be joined with what other keys give
  // (kernels/attend_spans.h). Values are weighed by e^(score - largest), `total` is the weights'
  // sum, and out is not divided by it.
  float* largest = nullptr;
  float* total = nullptr;
  // Where columns are packed (kernels/pack.h): at which byte of each its scales begin. A value may
  // be the first numbers of a longer column. 0: they are numbers of `type`.
  size_t key_scales = 0;
  size_t value_scales = 0;
};

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_ATTEND_H_
