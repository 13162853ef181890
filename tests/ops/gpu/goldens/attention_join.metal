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

// attention_join
// in: found, scale, sinks
// out: y
// template: int Hq, int Dv, int Parts, bool HasSinks, typename T
{
  int row = int(threadgroup_position_in_grid.y);
  int head = int(threadgroup_position_in_grid.z) % Hq;
  int rows = found_shape[2];
  long place = (long(int(threadgroup_position_in_grid.z)) * rows + row) * Parts;
  float highest = HasSinks ? float(sinks[head]) : -INFINITY;
  for (int n = 0; n < Parts; ++n) {
    float other = scale[(place + n) * 2];
    highest = other > highest ? other : highest;
  }
  float total = HasSinks ? precise::exp(float(sinks[head]) - highest) : 0.0f;
  for (int n = 0; n < Parts; ++n) {
    float weight = scale[(place + n) * 2 + 1];
    if (weight > 0.0f) total += weight * precise::exp(scale[(place + n) * 2] - highest);
  }
  for (int i = int(thread_position_in_threadgroup.x); i < Dv; i += 32) {
    float sum = 0.0f;
    for (int n = 0; n < Parts; ++n) {
      float weight = scale[(place + n) * 2 + 1];
      if (weight > 0.0f) sum += precise::exp(scale[(place + n) * 2] - highest) * found[(place + n) * Dv + i];
    }
    y[(long(int(threadgroup_position_in_grid.z)) * rows + row) * Dv + i] = T(sum / total);
  }
}
