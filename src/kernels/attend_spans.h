// Attention over many keys, in spans of a fixed number of them. Any thread can find what a span
// gives; joined in the order of spans, results are the same to the last bit whoever found them.
// What a query finds depends on the keys that it sees and on nothing else: spans are counted from
// its own first key.
//
// Runs may have more rows here than a form of the kernel takes. Pure: any thread.
#ifndef INGOT_KERNELS_ATTEND_SPANS_H_
#define INGOT_KERNELS_ATTEND_SPANS_H_

#include <cstddef>
#include <span>

#include "kernels/attend.h"

namespace ingot::kernels {

// Those of one head with their values stay in a core's second cache.
inline constexpr size_t kSpanKeys = 512;

// What rows have found of some keys, as AttendRun says.
struct AttendSums {
  float* out;      // rows of the run's out_stride
  float* largest;  // one a row
  float* total;
};
// The same in one piece of FloatsOfSums(rows, out_stride).
constexpr size_t FloatsOfSums(size_t rows, size_t out_stride) { return rows * (out_stride + 2); }
AttendSums SumsAt(float* memory, size_t rows, size_t out_stride);

// At least one.
size_t SpansOf(std::span<const AttendQuery> queries);

// What all rows of a run find in one span, into `sums`; rows that see nothing there are left alone.
void AttendSpan(const AttendRun& run, size_t span, const AttendSums& sums);
// Adds that to what was found in the spans before; span 0 comes first, and is taken as it is.
void JoinSpan(const AttendRun& run, size_t span, const AttendSums& part, const AttendSums& all);
// Makes the run's result of what was found in all spans.
void FinishSpans(const AttendRun& run, const AttendSums& all);

// All of that on this thread, all rows looking at one span before the next is read.
void AttendInSpans(const AttendRun& run);

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_ATTEND_SPANS_H_
