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

// draw
// in: logits, settings, limits
// out: token
// template: int Warps
{
  threadgroup float parts[Warps];
  threadgroup int firsts[Warps];
  threadgroup int lasts[Warps];
  int lane = int(thread_position_in_threadgroup.x);
  int warp = int(thread_position_in_threadgroup.y);
  int place = warp * 32 + lane;
  int size = logits_shape[0];
  float temperature = settings[0];
  float top_p = settings[1];
  float min_p = settings[2];
  float number = settings[3] * 0.999999f;
  int top_k = int(limits[0]);
  float largest = -INFINITY;
  for (int i = place; i < size; i += 32 * Warps) {
    float x = float(logits[i]);
    largest = x > largest ? x : largest;
  }
  largest = ingot_largest(largest);
  if (lane == 0) parts[warp] = largest;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (int n = 0; n < Warps; ++n) largest = parts[n] > largest ? parts[n] : largest;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  unsigned int least = 1u;
  for (int round = 0; round < 2; ++round) {
    // First the number of tokens, then their weight.
    bool counts = round == 0;
    if (counts ? top_k <= 0 || top_k >= size : top_p >= 1.0f) continue;
    float goal = counts ? float(top_k) : 0.0f;
    unsigned int floor_key = least;
    unsigned int found = 0u;
    for (int bit = counts ? 31 : 32; bit >= 0; --bit) {
      // Weights are asked for the whole first, which says what share of them is wanted.
      unsigned int candidate = bit == 32 ? floor_key : found | (1u << bit);
      float sum = 0.0f;
      for (int i = place; i < size; i += 32 * Warps) {
        float x = float(logits[i]);
        unsigned int key = ingot_key(x);
        if (key >= candidate && key >= floor_key) {
          sum += counts ? 1.0f : precise::exp((x - largest) / temperature);
        }
      }
      sum = ingot_sum(sum);
      if (lane == 0) parts[warp] = sum;
      threadgroup_barrier(mem_flags::mem_threadgroup);
      float all = 0.0f;
      for (int n = 0; n < Warps; ++n) all += parts[n];
      threadgroup_barrier(mem_flags::mem_threadgroup);
      if (bit == 32) {
        goal = all * top_p;
      } else if (all >= goal) {
        found = candidate;
      }
    }
    least = found > least ? found : least;
  }
  // Each thread has a stretch of the vocabulary, so that sums follow the numbers of tokens.
  int each = (size + 32 * Warps - 1) / (32 * Warps);
  int begin = place * each;
  int end = begin + each < size ? begin + each : size;
  float own = 0.0f;
  for (int i = begin; i < end; ++i) {
    float x = float(logits[i]);
    float weight = ingot_key(x) >= least ? precise::exp((x - largest) / temperature) : 0.0f;
    own += weight >= min_p ? weight : 0.0f;
  }
  float upto = own;
  for (int step = 1; step < 32; step <<= 1) {
    float other = simd_shuffle(upto, lane >= step ? lane - step : lane);
    if (lane >= step) upto += other;
  }
  if (lane == 31) parts[warp] = upto;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float before = 0.0f;
  float total = 0.0f;
  for (int n = 0; n < Warps; ++n) {
    if (n < warp) before += parts[n];
    total += parts[n];
  }
  // The first stretch that crosses what is wanted; where sums of another order miss it, the last
  // that has any weight.
  float wanted = total * number;
  int first = own > 0.0f && before + upto > wanted ? place : 32 * Warps;
  int last = own > 0.0f ? place : -1;
  for (int mask = 16; mask > 0; mask >>= 1) {
    int other_first = simd_shuffle_xor(first, mask);
    int other_last = simd_shuffle_xor(last, mask);
    first = other_first < first ? other_first : first;
    last = other_last > last ? other_last : last;
  }
  if (lane == 0) {
    firsts[warp] = first;
    lasts[warp] = last;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (int n = 0; n < Warps; ++n) {
    first = firsts[n] < first ? firsts[n] : first;
    last = lasts[n] > last ? lasts[n] : last;
  }
  int who = first < 32 * Warps ? first : last;
  if (who < 0 && place == 0) token[0] = 0;
  if (place == who) {
    float sum = before + upto - own;
    int drawn = 0;
    for (int i = begin; i < end && sum <= wanted; ++i) {
      float x = float(logits[i]);
      float weight = ingot_key(x) >= least ? precise::exp((x - largest) / temperature) : 0.0f;
      if (weight >= min_p && weight > 0.0f) {
        sum += weight;
        drawn = i;
      }
    }
    token[0] = drawn;
  }
}
