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

// delta_recurrent
// in: q, k, v, decay, beta, state
// out: y, state_out, between
// template: int Hk, int Hv, int Dk, int Dv, int Rows, int Every, typename T, typename StateT
{
  constexpr int kPart = (Dk + 31) / 32;
  int lane = int(thread_position_in_threadgroup.x);
  int row = int(threadgroup_position_in_grid.y) * Rows + int(thread_position_in_threadgroup.y);
  int batch = int(threadgroup_position_in_grid.z) / Hv;
  int head = int(threadgroup_position_in_grid.z) % Hv;
  int key_head = head / (Hv / Hk);
  int steps = q_shape[1];
  if (row < Dv) {
    long start = (long(int(threadgroup_position_in_grid.z)) * Dv + row) * Dk;
    float s[kPart];
    for (int j = 0; j < kPart; ++j) {
      int i = lane + 32 * j;
      s[j] = i < Dk ? float(state[start + i]) : 0.0f;
    }
    for (int t = 0; t < steps; ++t) {
      long step = long(batch) * steps + t;
      long from = (step * Hk + key_head) * Dk;
      long at = step * Hv + head;
      float kept = float(decay[at]);
      float key[kPart];
      float recalled = 0.0f;
      for (int j = 0; j < kPart; ++j) {
        int i = lane + 32 * j;
        key[j] = i < Dk ? float(k[from + i]) : 0.0f;
        s[j] *= kept;
        recalled += s[j] * key[j];
      }
      recalled = ingot_sum(recalled);
      float correction = (float(v[at * Dv + row]) - recalled) * float(beta[at]);
      float answer = 0.0f;
      for (int j = 0; j < kPart; ++j) {
        int i = lane + 32 * j;
        s[j] += correction * key[j];
        answer += s[j] * (i < Dk ? float(q[from + i]) : 0.0f);
      }
      answer = ingot_sum(answer);
      if (lane == 0) y[at * Dv + row] = T(answer);
      if (Every > 0 && (t + 1) % (Every > 0 ? Every : 1) == 0) {
        long kept_states = steps / (Every > 0 ? Every : 1);
        long which = long(batch) * kept_states + (t + 1) / (Every > 0 ? Every : 1) - 1;
        for (int j = 0; j < kPart; ++j) {
          int i = lane + 32 * j;
          if (i < Dk) between[((which * Hv + head) * Dv + row) * Dk + i] = StateT(s[j]);
        }
      }
    }
    for (int j = 0; j < kPart; ++j) {
      int i = lane + 32 * j;
      if (i < Dk) state_out[start + i] = StateT(s[j]);
    }
  }
}
