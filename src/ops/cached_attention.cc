#include "ops/cached_attention.h"

#include <utility>

#include "ops/cpu/cached_attention.h"
#include "ops/norm.h"
#include "ops/packed_columns.h"

namespace ingot::ops {
namespace {

Array Write(const Array& room, const Array& made, int at) {
  const Array columns = IsPacked(room) ? PackColumns(made) : made;
  mx::Shape stop = room.shape();
  stop[2] = at + columns.shape(2);
  return mx::slice_update(room, columns, {0, 0, at, 0}, stop);
}

Array Seen(const Array& room, int end) {
  mx::Shape stop = room.shape();
  stop[2] = end;
  return mx::slice(room, {0, 0, 0, 0}, stop);
}

Array Positioned(Array heads, const std::optional<NormWeights>& norm,
                 const CachedAttentionSpec& spec, int at) {
  if (norm) heads = RmsNorm(heads, norm->weight, norm->eps);
  return spec.rope ? Rope(heads, *spec.rope, at) : heads;
}

// Of each head the first D numbers.
Array Queries(const Array& q, const CachedAttentionSpec& spec, int width) {
  const Array heads = mx::reshape(q, {1, q.shape(1), spec.heads, q.shape(2) / spec.heads});
  return mx::transpose(LastSlice(heads, 0, width), {0, 2, 1, 3});
}

}  // namespace

CachedAttentionResult AttendCached(const Array& q, const Array& k, const Array& v,
                                   std::vector<CachedSequence> sequences,
                                   const CachedAttentionSpec& spec) {
  if (cpu::ServesCached(q, k, v, sequences, spec)) {
    return cpu::AttendCached(q, k, v, std::move(sequences), spec);
  }
  std::vector<Array> found;
  std::vector<CacheRoom> rooms;
  int row = 0;
  for (CachedSequence& sequence : sequences) {
    const int end = row + sequence.steps;
    const int length = sequence.length + sequence.steps;
    const Array keys = Positioned(SplitHeads(TimeSlice(k, row, end), spec.key_heads), spec.key_norm,
                                  spec, sequence.length);
    const Array queries = Grow(Positioned(Queries(TimeSlice(q, row, end), spec, keys.shape(3)),
                                          spec.query_norm, spec, sequence.length),
                               spec.growth, sequence.length);
    rooms.push_back({Write(sequence.room.keys, keys, sequence.length),
                     Write(sequence.room.values, SplitHeads(TimeSlice(v, row, end), spec.key_heads),
                           sequence.length)});
    found.push_back(Attention(queries, Seen(rooms.back().keys, length),
                              Seen(rooms.back().values, length), spec.attention));
    row = end;
  }
  return {found.size() == 1 ? found.front() : mx::concatenate(found, 1), std::move(rooms)};
}

}  // namespace ingot::ops
