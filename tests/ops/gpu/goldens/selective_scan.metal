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

// selective_scan
// in: x, dt, rate, into, out_of, direct, state
// out: y, state_out
// template: int Hm, int P, int G, int N, int Rows, typename T, typename StateT
{
  constexpr int kPart = (N + 31) / 32;
  int lane = int(thread_position_in_threadgroup.x);
  int row = int(threadgroup_position_in_grid.y) * Rows + int(thread_position_in_threadgroup.y);
  int batch = int(threadgroup_position_in_grid.z) / Hm;
  int head = int(threadgroup_position_in_grid.z) % Hm;
  int group = head / (Hm / G);
  int steps = x_shape[1];
  if (row < P) {
    long start = (long(int(threadgroup_position_in_grid.z)) * P + row) * N;
    float s[kPart];
    for (int j = 0; j < kPart; ++j) {
      int i = lane + 32 * j;
      s[j] = i < N ? float(state[start + i]) : 0.0f;
    }
    float fall = float(rate[head]);
    float passed = float(direct[head]);
    for (int t = 0; t < steps; ++t) {
      long step = long(batch) * steps + t;
      long at = step * Hm + head;
      long from = (step * G + group) * N;
      float time = float(dt[at]);
      float kept = precise::exp(-time * fall);
      float value = float(x[at * P + row]);
      float taken = value * time;
      float answer = 0.0f;
      for (int j = 0; j < kPart; ++j) {
        int i = lane + 32 * j;
        s[j] = s[j] * kept + taken * (i < N ? float(into[from + i]) : 0.0f);
        answer += s[j] * (i < N ? float(out_of[from + i]) : 0.0f);
      }
      answer = ingot_sum(answer);
      if (lane == 0) y[at * P + row] = T(answer + passed * value);
    }
    for (int j = 0; j < kPart; ++j) {
      int i = lane + 32 * j;
      if (i < N) state_out[start + i] = StateT(s[j]);
    }
  }
}
