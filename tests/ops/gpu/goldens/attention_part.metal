// helpers

inline float ingot_log1p(float x) {
  float u = 1.0f + x;
  return u == 1.0f ? x : precise::log(u) * (x / (u - 1.0f));
}

inline float ingot_sum(float x) {
  for (int mask = 16; mask > 0; mask >>= 1) x += simd_shuffle_xor(x, mask);
  return x;
}
inline float ingot_largest(float x) {
  for (int mask = 16; mask > 0; mask >>= 1) {
    float other = simd_shuffle_xor(x, mask);
    x = other > x ? other : x;
  }
  return x;
}
// Whole numbers in the order of the floats; 0 for what is not a number.
inline unsigned int ingot_key(float x) {
  unsigned int word = as_type<unsigned int>(x);
  if (x != x) return 0u;
  return (word >> 31) != 0u ? ~word : word | 0x80000000u;
}
inline float ingot_sigmoid(float x) { return 1.0f / (1.0f + precise::exp(-x)); }
inline float ingot_softplus(float x) {
  return (x > 0.0f ? x : 0.0f) + ingot_log1p(precise::exp(x > 0.0f ? -x : x));
}

// attention_part
// in: q, k, v, factor
// out: found, scale
// template: int Hq, int Hkv, int D, int Dv, int Warps, int Parts, int Window, bool Causal
{
  constexpr int kKeyPart = (D + 31) / 32;
  constexpr int kValuePart = (Dv + 31) / 32;
  threadgroup float sums[Warps][Dv];
  threadgroup float largest[Warps];
  threadgroup float weights[Warps];
  int lane = int(thread_position_in_threadgroup.x);
  int warp = int(thread_position_in_threadgroup.y);
  int part = int(threadgroup_position_in_grid.x);
  int row = int(threadgroup_position_in_grid.y);
  int batch = int(threadgroup_position_in_grid.z) / Hq;
  int head = int(threadgroup_position_in_grid.z) % Hq;
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
  float best = -INFINITY;
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
    float old = precise::exp(best - higher);
    float now = precise::exp(score - higher);
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
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float highest = -INFINITY;
  for (int n = 0; n < Warps; ++n) highest = largest[n] > highest ? largest[n] : highest;
  float shares[Warps];
  float total = 0.0f;
  for (int n = 0; n < Warps; ++n) {
    shares[n] = weights[n] > 0.0f ? precise::exp(largest[n] - highest) : 0.0f;
    total += shares[n] * weights[n];
  }
  long place = (long(int(threadgroup_position_in_grid.z)) * rows + row) * Parts + part;
  for (int i = warp * 32 + lane; i < Dv; i += 32 * Warps) {
    float sum = 0.0f;
    for (int n = 0; n < Warps; ++n) sum += shares[n] * sums[n][i];
    found[place * Dv + i] = sum;
  }
  if (warp == 0 && lane == 0) {
    scale[place * 2] = highest;
    scale[place * 2 + 1] = total;
  }
}
