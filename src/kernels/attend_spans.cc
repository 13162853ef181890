#include "kernels/attend_spans.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/cpu.h"
#include "kernels/form.h"
#include "kernels/scratch.h"

namespace ingot::kernels {
namespace {

size_t Sees(const AttendQuery& query) {
  return query.end > query.begin ? query.end - query.begin : 0;
}

size_t SpansOf(const AttendQuery& query) {
  return std::max<size_t>((Sees(query) + kSpanKeys - 1) / kSpanKeys, 1);
}

// What the query sees of a span, nothing where it has fewer; the sink comes before all keys.
AttendQuery Part(const AttendQuery& query, size_t span) {
  if (span >= SpansOf(query)) return {0, 0, nullptr};
  const size_t begin = query.begin + span * kSpanKeys;
  return {begin, std::min(query.end, begin + kSpanKeys), span == 0 ? query.sink : nullptr};
}

// Calls f(first row, count) for as many rows as a form takes.
template <typename F>
void ForBlocks(size_t rows, F f) {
  for (size_t first = 0; first < rows; first += kAttendRows) {
    f(first, std::min(kAttendRows, rows - first));
  }
}

// Rows [first, first + count) of the run, which see `queries`.
AttendRun Rows(const AttendRun& run, size_t first, size_t count, const AttendQuery* queries,
               float* out) {
  AttendRun part = run;
  part.rows = count;
  part.queries = queries;
  part.q = run.q + first * run.q_stride;
  part.out = out;
  return part;
}

void Attend(const AttendRun& run) {
  FormFor(core::ActiveIsa(), Matrix{}, FloatType::kF32).attend(run);
}

// A row's sums, joined.
void JoinRow(const AttendRun& run, size_t row, const AttendSums& part, const AttendSums& all) {
  const float none = -std::numeric_limits<float>::infinity();
  const float most = std::max(all.largest[row], part.largest[row]);
  const float base = most == none ? 0 : most;
  const float kept = std::exp(all.largest[row] - base);
  const float added = std::exp(part.largest[row] - base);
  const float* from = part.out + row * run.out_stride;
  float* to = all.out + row * run.out_stride;
  for (size_t n = 0; n < run.value_width; ++n) to[n] = kept * to[n] + added * from[n];
  all.total[row] = kept * all.total[row] + added * part.total[row];
  all.largest[row] = most;
}

}  // namespace

AttendSums SumsAt(float* memory, size_t rows, size_t out_stride) {
  float* largest = memory + rows * out_stride;
  return {memory, largest, largest + rows};
}

size_t SpansOf(std::span<const AttendQuery> queries) {
  size_t most = 1;
  for (const AttendQuery& query : queries) most = std::max(most, SpansOf(query));
  return most;
}

void AttendSpan(const AttendRun& run, size_t span, const AttendSums& sums) {
  ForBlocks(run.rows, [&](size_t first, size_t count) {
    std::array<AttendQuery, kAttendRows> queries{};
    bool some = span == 0;
    for (size_t r = 0; r < count; ++r) {
      queries[r] = Part(run.queries[first + r], span);
      some = some || Sees(queries[r]) > 0;
    }
    if (!some) return;
    AttendRun part = Rows(run, first, count, queries.data(), sums.out + first * run.out_stride);
    part.largest = sums.largest + first;
    part.total = sums.total + first;
    Attend(part);
  });
}

void JoinSpan(const AttendRun& run, size_t span, const AttendSums& part, const AttendSums& all) {
  for (size_t row = 0; row < run.rows; ++row) {
    if (span > 0) {
      if (span < SpansOf(run.queries[row])) JoinRow(run, row, part, all);
      continue;
    }
    std::copy_n(part.out + row * run.out_stride, run.out_stride, all.out + row * run.out_stride);
    all.largest[row] = part.largest[row];
    all.total[row] = part.total[row];
  }
}

void FinishSpans(const AttendRun& run, const AttendSums& all) {
  for (size_t row = 0; row < run.rows; ++row) {
    const float* from = all.out + row * run.out_stride;
    float* to = run.out + row * run.out_stride;
    for (size_t n = 0; n < run.value_width; ++n) to[n] = from[n] / all.total[row];
  }
}

void AttendInSpans(const AttendRun& run) {
  const size_t spans = SpansOf(std::span(run.queries, run.rows));
  if (spans == 1) {
    ForBlocks(run.rows, [&](size_t first, size_t count) {
      Attend(Rows(run, first, count, run.queries + first, run.out + first * run.out_stride));
    });
    return;
  }
  const size_t floats = FloatsOfSums(run.rows, run.out_stride);
  const Scratch scratch(2 * floats * sizeof(float));
  auto* memory = reinterpret_cast<float*>(scratch.data());
  const AttendSums all = SumsAt(memory, run.rows, run.out_stride);
  const AttendSums part = SumsAt(memory + floats, run.rows, run.out_stride);
  AttendSpan(run, 0, all);
  for (size_t span = 1; span < spans; ++span) {
    AttendSpan(run, span, part);
    JoinSpan(run, span, part, all);
  }
  FinishSpans(run, all);
}

}  // namespace ingot::kernels
