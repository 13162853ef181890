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

// route
// in: logits, correction, settings
// out: experts, weights
// template: int E, int Chosen, int Groups, int KeptGroups, int Score, bool Normalise, bool HasCorrection
{
  constexpr float kOut = -3.0e38f;
  constexpr int kSize = E / Groups;
  threadgroup float scores[E];
  threadgroup float wanted[E];
  threadgroup float kept[Groups];
  int lane = int(thread_position_in_threadgroup.x);
  int row = int(threadgroup_position_in_grid.x);
  float softcap = settings[0];
  float most = -INFINITY;
  for (int e = lane; e < E; e += 32) {
    float x = float(logits[long(row) * E + e]);
    if (softcap > 0.0f) x = precise::tanh(x / softcap) * softcap;
    scores[e] = x;
    most = x > most ? x : most;
  }
  most = ingot_largest(most);
  float total = 0.0f;
  for (int e = lane; e < E; e += 32) {
    float x = scores[e];
    float score = 0.0f;
    if (Score == 0) {
      score = precise::exp(x - most);
      total += score;
    } else if (Score == 1) {
      score = ingot_sigmoid(x);
    } else {
      score = precise::sqrt(ingot_softplus(x));
    }
    scores[e] = score;
  }
  total = ingot_sum(total);
  for (int e = lane; e < E; e += 32) {
    if (Score == 0) scores[e] /= total;
    float want = scores[e] + (HasCorrection ? correction[HasCorrection ? e : 0] : 0.0f);
    wanted[e] = want > kOut ? want : kOut;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (Groups > 1) {
    if (lane < Groups) {
      // A group is as good as its two best.
      float first = kOut;
      float second = kOut;
      for (int i = 0; i < kSize; ++i) {
        float x = wanted[lane * kSize + i];
        second = x > first ? first : (x > second ? x : second);
        first = x > first ? x : first;
      }
      kept[lane] = kSize > 1 ? first + second : first;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    bool stays = false;
    if (lane < Groups) {
      int before = 0;
      for (int g = 0; g < Groups; ++g) {
        if (kept[g] > kept[lane] || (kept[g] == kept[lane] && g < lane)) ++before;
      }
      stays = before < KeptGroups;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (lane < Groups) kept[lane] = stays ? 1.0f : 0.0f;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int e = lane; e < E; e += 32) {
      if (kept[e / kSize] == 0.0f) wanted[e] = kOut;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  int chosen = 0;
  float weight = 0.0f;
  for (int n = 0; n < Chosen; ++n) {
    float best = -INFINITY;
    int which = E;
    for (int e = lane; e < E; e += 32) {
      if (wanted[e] > best) {
        best = wanted[e];
        which = e;
      }
    }
    for (int mask = 16; mask > 0; mask >>= 1) {
      float other = simd_shuffle_xor(best, mask);
      int other_which = simd_shuffle_xor(which, mask);
      if (other > best || (other == best && other_which < which)) {
        best = other;
        which = other_which;
      }
    }
    if (lane == n) {
      chosen = which;
      weight = scores[which];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (lane == 0) wanted[which] = -INFINITY;
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (Normalise) {
    float sum = ingot_sum(lane < Chosen ? weight : 0.0f);
    weight /= sum + settings[1];
  }
  if (lane < Chosen) {
    experts[long(row) * Chosen + lane] = chosen;
    weights[long(row) * Chosen + lane] = weight * settings[2];
  }
}
