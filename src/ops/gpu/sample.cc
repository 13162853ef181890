#include "ops/gpu/sample.h"

namespace ingot::ops::gpu {
namespace {

constexpr int kWarps = 16;  // of the one group that looks at the vocabulary

// Logits are compared by keys: whole numbers in the order of the floats. The least key that stays
// is found bit by bit: it is the largest of which at least so much (in number, or in weight) is at
// or above it. Each question is one pass over the logits, which lie in the cache; sums are taken in
// the same order every time, so a draw can be repeated.
constexpr const char* kDraw = R"(
  $shared float parts[Warps];
  $shared int firsts[Warps];
  $shared int lasts[Warps];
  int lane = $thread_x;
  int warp = $thread_y;
  int place = warp * 32 + lane;
  int size = logits_shape[0];
  float temperature = settings[0];
  float top_p = settings[1];
  float min_p = settings[2];
  float number = settings[3] * 0.999999f;
  int top_k = int(limits[0]);
  float largest = -$infinity;
  for (int i = place; i < size; i += 32 * Warps) {
    float x = float(logits[i]);
    largest = x > largest ? x : largest;
  }
  largest = ingot_largest(largest);
  if (lane == 0) parts[warp] = largest;
  $barrier;
  for (int n = 0; n < Warps; ++n) largest = parts[n] > largest ? parts[n] : largest;
  $barrier;
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
          sum += counts ? 1.0f : $exp((x - largest) / temperature);
        }
      }
      sum = ingot_sum(sum);
      if (lane == 0) parts[warp] = sum;
      $barrier;
      float all = 0.0f;
      for (int n = 0; n < Warps; ++n) all += parts[n];
      $barrier;
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
    float weight = ingot_key(x) >= least ? $exp((x - largest) / temperature) : 0.0f;
    own += weight >= min_p ? weight : 0.0f;
  }
  float upto = own;
  for (int step = 1; step < 32; step <<= 1) {
    float other = $from(upto, lane >= step ? lane - step : lane);
    if (lane >= step) upto += other;
  }
  if (lane == 31) parts[warp] = upto;
  $barrier;
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
    int other_first = $swap(first, mask);
    int other_last = $swap(last, mask);
    first = other_first < first ? other_first : first;
    last = other_last > last ? other_last : last;
  }
  if (lane == 0) {
    firsts[warp] = first;
    lasts[warp] = last;
  }
  $barrier;
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
      float weight = ingot_key(x) >= least ? $exp((x - largest) / temperature) : 0.0f;
      if (weight >= min_p && weight > 0.0f) {
        sum += weight;
        drawn = i;
      }
    }
    token[0] = drawn;
  }
)";

const KernelText kDrawText = {.name = "draw",
                              .inputs = {"logits", "settings", "limits"},
                              .outputs = {"token"},
                              .body = kDraw};

}  // namespace

Array Draw(const Launch& launch, const Array& logits, const DrawSpec& spec) {
  const std::vector<Array> out =
      launch({.text = &kDrawText,
              .constants = {{"Warps", kWarps}},
              .inputs = {logits, Array({spec.temperature, spec.top_p, spec.min_p, spec.number}),
                         Array({spec.top_k})},
              .shapes = {{1}},
              .types = {mx::int32},
              .groups = {1, 1, 1},
              .threads = {32, kWarps}});
  return mx::reshape(out[0], {});
}

}  // namespace ingot::ops::gpu
