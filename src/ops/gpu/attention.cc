#include "ops/gpu/attention.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace ingot::ops::gpu {
namespace {

constexpr int kWarps = 4;          // in a group, each with keys of its own
constexpr int kKeysForPart = 256;  // from twice as many on, keys are shared out
constexpr int kMostParts = 32;
// Of scores, in elements, that are in memory at once.
constexpr int64_t kMostScores = int64_t{1} << 26;

// A group has one query and one part of the keys; its warps take keys in turn, a lane every 32nd
// element of the head. Each warp keeps the largest score so far, the sum of exp(score - largest)
// and the sum of the values so weighted; then warps are joined.
constexpr const char* kPart = R"(
  constexpr int kKeyPart = (D + 31) / 32;
  constexpr int kValuePart = (Dv + 31) / 32;
  $shared float sums[Warps][Dv];
  $shared float largest[Warps];
  $shared float weights[Warps];
  int lane = $thread_x;
  int warp = $thread_y;
  int part = $group_x;
  int row = $group_y;
  int batch = $group_z / Hq;
  int head = $group_z % Hq;
  int key_head = head / (Hq / Hkv);
  int rows = q_shape[2];
  int keys = k_shape[2];
  float asked[kKeyPart];
  float answer[kValuePart];
  for (int j = 0; j < kKeyPart; ++j) {
    int i = lane + 32 * j;
    asked[j] = i < D ? float(q[batch * q_strides[0] + head * q_strides[1] + row * q_strides[2] +
                               i * q_strides[3]]) * factor[0]
                     : 0.0f;
  }
  for (int j = 0; j < kValuePart; ++j) answer[j] = 0.0f;
  float best = -$infinity;
  float weight = 0.0f;
  // The query stands at column keys - rows + row and sees keys up to it.
  int end = Causal ? keys - rows + row + 1 : keys;
  int begin = Window > 0 && end > Window ? end - Window : 0;
  int each = (keys + Parts - 1) / Parts;
  int from = part * each > begin ? part * each : begin;
  int to = (part + 1) * each < end ? (part + 1) * each : end;
  for (int n = from + warp; n < to; n += Warps) {
    long key = batch * k_strides[0] + key_head * k_strides[1] + n * k_strides[2];
    float score = 0.0f;
    for (int j = 0; j < kKeyPart; ++j) {
      int i = lane + 32 * j;
      if (i < D) score += asked[j] * float(k[key + i * k_strides[3]]);
    }
    score = ingot_sum(score);
    float higher = score > best ? score : best;
    float old = $exp(best - higher);
    float now = $exp(score - higher);
    best = higher;
    weight = weight * old + now;
    long value = batch * v_strides[0] + key_head * v_strides[1] + n * v_strides[2];
    for (int j = 0; j < kValuePart; ++j) {
      int i = lane + 32 * j;
      if (i < Dv) answer[j] = answer[j] * old + now * float(v[value + i * v_strides[3]]);
    }
  }
  for (int j = 0; j < kValuePart; ++j) {
    int i = lane + 32 * j;
    if (i < Dv) sums[warp][i] = answer[j];
  }
  if (lane == 0) {
    largest[warp] = best;
    weights[warp] = weight;
  }
  $barrier;
  float highest = -$infinity;
  for (int n = 0; n < Warps; ++n) highest = largest[n] > highest ? largest[n] : highest;
  float shares[Warps];
  float total = 0.0f;
  for (int n = 0; n < Warps; ++n) {
    shares[n] = weights[n] > 0.0f ? $exp(largest[n] - highest) : 0.0f;
    total += shares[n] * weights[n];
  }
  long place = (long($group_z) * rows + row) * Parts + part;
  for (int i = warp * 32 + lane; i < Dv; i += 32 * Warps) {
    float sum = 0.0f;
    for (int n = 0; n < Warps; ++n) sum += shares[n] * sums[n][i];
    found[place * Dv + i] = sum;
  }
  if (warp == 0 && lane == 0) {
    scale[place * 2] = highest;
    scale[place * 2 + 1] = total;
  }
)";

constexpr const char* kJoin = R"(
  int row = $group_y;
  int head = $group_z % Hq;
  int rows = found_shape[2];
  long place = (long($group_z) * rows + row) * Parts;
  float highest = HasSinks ? float(sinks[head]) : -$infinity;
  for (int n = 0; n < Parts; ++n) {
    float other = scale[(place + n) * 2];
    highest = other > highest ? other : highest;
  }
  float total = HasSinks ? $exp(float(sinks[head]) - highest) : 0.0f;
  for (int n = 0; n < Parts; ++n) {
    float weight = scale[(place + n) * 2 + 1];
    if (weight > 0.0f) total += weight * $exp(scale[(place + n) * 2] - highest);
  }
  for (int i = $thread_x; i < Dv; i += 32) {
    float sum = 0.0f;
    for (int n = 0; n < Parts; ++n) {
      float weight = scale[(place + n) * 2 + 1];
      if (weight > 0.0f) sum += $exp(scale[(place + n) * 2] - highest) * found[(place + n) * Dv + i];
    }
    y[(long($group_z) * rows + row) * Dv + i] = T(sum / total);
  }
)";

const KernelText kAttentionPart = {.name = "attention_part",
                                   .inputs = {"q", "k", "v", "factor"},
                                   .outputs = {"found", "scale"},
                                   .body = kPart,
                                   .strided = true};
const KernelText kAttentionJoin = {.name = "attention_join",
                                   .inputs = {"found", "scale", "sinks"},
                                   .outputs = {"y"},
                                   .body = kJoin};

// A power of two, so that few kernels are compiled as the sequence grows.
int PartsFor(int keys) {
  int parts = 1;
  while (parts < kMostParts && keys >= 2 * parts * kKeysForPart) parts *= 2;
  return parts;
}

// What MLX 0.32.4 has a fused form for, where keys and values are of one width.
struct FusedForm {
  BackEnd back_end;
  int least_rows;
  int most_rows;
  int width;
};
constexpr int kAnyRows = 1 << 30;
constexpr std::array kFused = {
    FusedForm{BackEnd::kMetal, 1, 8, 64},         FusedForm{BackEnd::kMetal, 1, 8, 96},
    FusedForm{BackEnd::kMetal, 1, 8, 128},        FusedForm{BackEnd::kMetal, 1, 8, 256},
    FusedForm{BackEnd::kMetal, 9, kAnyRows, 64},  FusedForm{BackEnd::kMetal, 9, kAnyRows, 80},
    FusedForm{BackEnd::kMetal, 9, kAnyRows, 128}, FusedForm{BackEnd::kCuda, 1, 3, 64},
    FusedForm{BackEnd::kCuda, 1, 3, 96},          FusedForm{BackEnd::kCuda, 1, 3, 128},
};
// Metal's for few rows takes so many rows times heads that share keys.
constexpr int kMostSharing = 32;

}  // namespace

bool HasFused(BackEnd back_end, const Array& q, const Array& k, const Array& v,
              const AttentionSpec& spec) {
  const int rows = q.shape(2);
  const int width = k.shape(3);
  const bool same = v.shape(3) == width;
  const bool windowed = spec.causal && spec.window > 0 && k.shape(2) > spec.window;
  if (back_end == BackEnd::kMetal && rows <= 8 && rows * (q.shape(1) / k.shape(1)) > kMostSharing) {
    return false;
  }
  if (back_end == BackEnd::kCuda && rows > 1 && q.dtype() != mx::float32) {
    // cuDNN's: halves, any widths that are multiples of 8.
    if (width <= 128 && v.shape(3) <= 128 && width % 8 == 0 && v.shape(3) % 8 == 0) return true;
  }
  if (back_end == BackEnd::kCuda && windowed) return false;
  return same && std::any_of(kFused.begin(), kFused.end(), [&](const FusedForm& form) {
           return form.back_end == back_end && form.width == width && rows >= form.least_rows &&
                  rows <= form.most_rows;
         });
}

bool FitsWide(const Array& q, const Array& v) {
  return q.shape(2) <= kMostQueries && v.shape(3) <= kWidestValue;
}

Array WideAttention(const Launch& launch, const Array& q, const Array& k, const Array& v,
                    const AttentionSpec& spec) {
  const int batch = q.shape(0);
  const int heads = q.shape(1);
  const int rows = q.shape(2);
  const int width = v.shape(3);
  const int keys = k.shape(2);
  const int parts = PartsFor(keys);
  // A single query may find a ring's columns, in any order: all of them are within its window.
  const bool causal = spec.causal && rows > 1;
  const int window = spec.causal && keys > spec.window ? spec.window : 0;
  const std::vector<Array> found =
      launch({.text = &kAttentionPart,
              .constants = {{"Hq", heads},
                            {"Hkv", k.shape(1)},
                            {"D", q.shape(3)},
                            {"Dv", width},
                            {"Warps", kWarps},
                            {"Parts", parts},
                            {"Window", window},
                            {"Causal", causal}},
              .inputs = {q, k, v, Array({spec.scale})},
              .shapes = {{batch, heads, rows, parts, width}, {batch, heads, rows, parts, 2}},
              .types = {mx::float32, mx::float32},
              .groups = {parts, rows, batch * heads},
              .threads = {32, kWarps}});
  return launch({.text = &kAttentionJoin,
                 .constants = {{"Hq", heads},
                               {"Dv", width},
                               {"Parts", parts},
                               {"HasSinks", spec.sinks.has_value()},
                               {"T", q.dtype()}},
                 .inputs = {found[0], found[1],
                            spec.sinks ? ToFloat32(*spec.sinks) : mx::zeros({1}, mx::float32)},
                 .shapes = {{batch, heads, rows, width}},
                 .types = {q.dtype()},
                 .groups = {1, rows, batch * heads},
                 .threads = {32, 1}})[0];
}

Array AttentionInBlocks(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec) {
  const int queries = q.shape(2);
  const int keys = k.shape(2);
  const int repeats = q.shape(1) / k.shape(1);
  const int64_t scores_a_query = int64_t{q.shape(0)} * q.shape(1) * keys;
  const int block = static_cast<int>(std::clamp<int64_t>(kMostScores / scores_a_query, 1, queries));
  // [B, Hkv, repeats, ·, D]: heads that share keys side by side, so that keys are not repeated.
  const Array grouped = mx::reshape(q, {q.shape(0), k.shape(1), repeats, queries, q.shape(3)}) *
                        Scalar(spec.scale, q);
  const Array turned = mx::expand_dims(mx::swapaxes(k, -1, -2), 2);
  const Array values = mx::expand_dims(v, 2);
  const Array column = mx::reshape(mx::arange(0, keys, 1, mx::int32), {1, keys});
  std::vector<Array> blocks;
  for (int begin = 0; begin < queries; begin += block) {
    const int end = std::min(begin + block, queries);
    const Array part =
        mx::slice(grouped, {0, 0, 0, begin, 0}, {q.shape(0), k.shape(1), repeats, end, q.shape(3)});
    Array scores = ToFloat32(mx::matmul(part, turned));
    if (spec.causal) {
      const int first = keys - queries;
      const Array row =
          mx::reshape(mx::arange(first + begin, first + end, 1, mx::int32), {end - begin, 1});
      Array visible = mx::less_equal(column, row);
      if (spec.window > 0) {
        visible =
            mx::logical_and(visible, mx::greater(column, row - Array(spec.window, mx::int32)));
      }
      scores = mx::where(visible, scores, Array(-std::numeric_limits<float>::infinity()));
    }
    if (spec.sinks) {
      const Array sinks =
          mx::broadcast_to(mx::reshape(ToFloat32(*spec.sinks), {1, k.shape(1), repeats, 1, 1}),
                           {q.shape(0), k.shape(1), repeats, end - begin, 1});
      scores = LastSlice(mx::softmax(mx::concatenate({scores, sinks}, -1), -1, true), 0, keys);
    } else {
      scores = mx::softmax(scores, -1, /*precise=*/true);
    }
    blocks.push_back(mx::matmul(ToTypeOf(scores, q), values));
  }
  const Array all = blocks.size() == 1 ? blocks[0] : mx::concatenate(blocks, 3);
  return mx::reshape(all, {q.shape(0), q.shape(1), queries, v.shape(3)});
}

}  // namespace ingot::ops::gpu
