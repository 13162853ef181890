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

// delta_chunked
// in: q, k, v, decay, beta, state
// out: y, state_out
// template: int Hk, int Hv, int Dk, int Dv, int Rows, int Chunk, typename T, typename StateT
{
  constexpr int kPart = (Dk + 31) / 32;
  threadgroup float keys[Chunk][Dk];
  threadgroup float queries[Chunk][Dk];
  threadgroup float on_keys[Chunk][Chunk];
  threadgroup float on_queries[Chunk][Chunk];
  threadgroup float through[Chunk][Chunk];
  threadgroup float decays[Chunk];
  threadgroup float betas[Chunk];
  threadgroup float lasting[Chunk];
  int lane = int(thread_position_in_threadgroup.x);
  int place = int(thread_position_in_threadgroup.y) * 32 + lane;
  int row = int(threadgroup_position_in_grid.y) * Rows + int(thread_position_in_threadgroup.y);
  bool mine = row < Dv;
  int batch = int(threadgroup_position_in_grid.z) / Hv;
  int head = int(threadgroup_position_in_grid.z) % Hv;
  int key_head = head / (Hv / Hk);
  int steps = q_shape[1];
  long start = (long(int(threadgroup_position_in_grid.z)) * Dv + (mine ? row : 0)) * Dk;
  float s[kPart];
  for (int j = 0; j < kPart; ++j) {
    int i = lane + 32 * j;
    s[j] = mine && i < Dk ? float(state[start + i]) : 0.0f;
  }
  for (int first = 0; first < steps; first += Chunk) {
    int count = steps - first < Chunk ? steps - first : Chunk;
    long step = long(batch) * steps + first;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    // A step beyond the end changes nothing: no key, no correction, no decay.
    for (int n = place; n < Chunk * Dk; n += 32 * Rows) {
      int t = n / Dk;
      int i = n % Dk;
      long from = ((step + t) * Hk + key_head) * Dk + i;
      keys[t][i] = t < count ? float(k[from]) : 0.0f;
      queries[t][i] = t < count ? float(q[from]) : 0.0f;
    }
    if (place < Chunk) {
      long at = (step + place) * Hv + head;
      decays[place] = place < count ? float(decay[at]) : 1.0f;
      betas[place] = place < count ? float(beta[at]) : 0.0f;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (place < Chunk) {
      // Column i of G, and b.
      float product = 1.0f;
      for (int t = 0; t < Chunk; ++t) {
        if (t > place) product *= decays[t];
        through[t][place] = t < place ? 0.0f : product;
      }
      float all = 1.0f;
      for (int t = 0; t <= place; ++t) all *= decays[t];
      lasting[place] = all;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int n = place; n < Chunk * Chunk; n += 32 * Rows) {
      int t = n / Chunk;
      int i = n % Chunk;
      float by_key = 0.0f;
      float by_query = 0.0f;
      if (i <= t) {
        for (int d = 0; d < Dk; ++d) {
          by_key += keys[i][d] * keys[t][d];
          by_query += keys[i][d] * queries[t][d];
        }
      }
      on_keys[t][i] = i < t ? through[t][i] * by_key : 0.0f;
      on_queries[t][i] = i <= t ? through[t][i] * by_query : 0.0f;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    float parts[2 * Chunk];
    for (int t = 0; t < Chunk; ++t) {
      float by_key = 0.0f;
      float by_query = 0.0f;
      for (int j = 0; j < kPart; ++j) {
        int i = lane + 32 * j;
        if (i < Dk) {
          by_key += s[j] * keys[t][i];
          by_query += s[j] * queries[t][i];
        }
      }
      parts[t] = by_key;
      parts[Chunk + t] = by_query;
    }
    // Halves are exchanged and added until each lane has one sum: lane l that of product l.
    #pragma unroll
    for (int reach = 16; reach > 0; reach >>= 1) {
      bool upper = (lane & reach) != 0;
      #pragma unroll
      for (int n = 0; n < reach; ++n) {
        float given = upper ? parts[n] : parts[n + reach];
        float kept = upper ? parts[n + reach] : parts[n];
        parts[n] = kept + simd_shuffle_xor(given, reach);
      }
    }
    int t = lane & (Chunk - 1);
    bool asks = lane >= Chunk;
    float sum = parts[0] * lasting[t];
    long at = (step + t) * Hv + head;
    float wanted = !asks && mine && t < count ? float(v[at * Dv + row]) : 0.0f;
    float corrections[Chunk];
    for (int i = 0; i < Chunk; ++i) {
      float mine_now = (wanted - sum) * betas[t];
      corrections[i] = simd_shuffle(mine_now, i);
      sum += corrections[i] * (asks ? on_queries[t][i] : on_keys[t][i]);
    }
    if (asks && mine && t < count) y[at * Dv + row] = T(sum);
    for (int j = 0; j < kPart; ++j) {
      int i = lane + 32 * j;
      if (i < Dk) {
        float value = s[j] * lasting[Chunk - 1];
        for (int n = 0; n < Chunk; ++n) {
          value += through[Chunk - 1][n] * corrections[n] * keys[n][i];
        }
        s[j] = value;
      }
    }
  }
  for (int j = 0; j < kPart; ++j) {
    int i = lane + 32 * j;
    if (mine && i < Dk) state_out[start + i] = StateT(s[j]);
  }
}
