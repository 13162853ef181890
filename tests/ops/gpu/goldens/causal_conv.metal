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

// causal_conv
// in: u, weight, tail
// out: y, tail_out
// template: int Taps, int Threads, typename T
{
  int channel = int(threadgroup_position_in_grid.y) * Threads + int(thread_position_in_threadgroup.x);
  int t = int(threadgroup_position_in_grid.x);
  int batch = int(threadgroup_position_in_grid.z);
  int steps = u_shape[1];
  int channels = u_shape[2];
  if (channel < channels) {
    // What precedes u lies in the tail.
    if (t < steps) {
      float sum = 0.0f;
      for (int tap = 0; tap < Taps; ++tap) {
        int from = t + tap - (Taps - 1);
        float value = from >= 0
            ? float(u[(long(batch) * steps + from) * channels + channel])
            : float(tail[(long(batch) * (Taps - 1) + from + Taps - 1) * channels + channel]);
        sum += float(weight[long(channel) * Taps + tap]) * value;
      }
      y[(long(batch) * steps + t) * channels + channel] = sum;
    }
    if (t < Taps - 1) {
      int from = steps + t - (Taps - 1);
      long to = (long(batch) * (Taps - 1) + t) * channels + channel;
      tail_out[to] = from >= 0
          ? T(float(u[(long(batch) * steps + from) * channels + channel]))
          : T(float(tail[(long(batch) * (Taps - 1) + from + Taps - 1) * channels + channel]));
    }
  }
}
