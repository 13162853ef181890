#include "ops/gpu/router.h"

namespace ingot::ops::gpu {
namespace {

// A warp has one row; scores lie in shared memory. settings: softcap, floor, scale.
// What is out of the running is marked below any score, what was chosen below that.
constexpr const char* kRoute = R"(
  constexpr float kOut = -3.0e38f;
  constexpr int kSize = E / Groups;
  $shared float scores[E];
  $shared float wanted[E];
  $shared float kept[Groups];
  int lane = $thread_x;
  int row = $group_x;
  float softcap = settings[0];
  float most = -$infinity;
  for (int e = lane; e < E; e += 32) {
    float x = float(logits[long(row) * E + e]);
    if (softcap > 0.0f) x = $tanh(x / softcap) * softcap;
    scores[e] = x;
    most = x > most ? x : most;
  }
  most = ingot_largest(most);
  float total = 0.0f;
  for (int e = lane; e < E; e += 32) {
    float x = scores[e];
    float score = 0.0f;
    if (Score == 0) {
      score = $exp(x - most);
      total += score;
    } else if (Score == 1) {
      score = ingot_sigmoid(x);
    } else {
      score = $sqrt(ingot_softplus(x));
    }
    scores[e] = score;
  }
  total = ingot_sum(total);
  for (int e = lane; e < E; e += 32) {
    if (Score == 0) scores[e] /= total;
    float want = scores[e] + (HasCorrection ? correction[HasCorrection ? e : 0] : 0.0f);
    wanted[e] = want > kOut ? want : kOut;
  }
  $barrier;
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
    $barrier;
    bool stays = false;
    if (lane < Groups) {
      int before = 0;
      for (int g = 0; g < Groups; ++g) {
        if (kept[g] > kept[lane] || (kept[g] == kept[lane] && g < lane)) ++before;
      }
      stays = before < KeptGroups;
    }
    $barrier;
    if (lane < Groups) kept[lane] = stays ? 1.0f : 0.0f;
    $barrier;
    for (int e = lane; e < E; e += 32) {
      if (kept[e / kSize] == 0.0f) wanted[e] = kOut;
    }
    $barrier;
  }
  int chosen = 0;
  float weight = 0.0f;
  for (int n = 0; n < Chosen; ++n) {
    float best = -$infinity;
    int which = E;
    for (int e = lane; e < E; e += 32) {
      if (wanted[e] > best) {
        best = wanted[e];
        which = e;
      }
    }
    for (int mask = 16; mask > 0; mask >>= 1) {
      float other = $swap(best, mask);
      int other_which = $swap(which, mask);
      if (other > best || (other == best && other_which < which)) {
        best = other;
        which = other_which;
      }
    }
    if (lane == n) {
      chosen = which;
      weight = scores[which];
    }
    $barrier;
    if (lane == 0) wanted[which] = -$infinity;
    $barrier;
  }
  if (Normalise) {
    float sum = ingot_sum(lane < Chosen ? weight : 0.0f);
    weight /= sum + settings[1];
  }
  if (lane < Chosen) {
    experts[long(row) * Chosen + lane] = chosen;
    weights[long(row) * Chosen + lane] = weight * settings[2];
  }
)";

const KernelText kRouter = {.name = "route",
                            .inputs = {"logits", "correction", "settings"},
                            .outputs = {"experts", "weights"},
                            .body = kRoute};

}  // namespace

bool FitsRouter(const Array& logits, const RouterSpec& spec) {
  const int experts = logits.shape(-1);
  return experts <= kMostExperts && spec.groups <= kMostGroups && spec.chosen <= kMostChosen &&
         spec.chosen <= experts && experts % spec.groups == 0;
}

Routing Route(const Launch& launch, const Array& logits, const RouterSpec& spec) {
  const int rows = logits.shape(0);
  const std::vector<Array> out = launch(
      {.text = &kRouter,
       .constants = {{"E", logits.shape(1)},
                     {"Chosen", spec.chosen},
                     {"Groups", spec.groups},
                     {"KeptGroups", spec.kept_groups},
                     {"Score", static_cast<int>(spec.score)},
                     {"Normalise", spec.normalise},
                     {"HasCorrection", spec.correction.has_value()}},
       .inputs = {logits,
                  spec.correction ? ToFloat32(*spec.correction) : mx::zeros({1}, mx::float32),
                  Array({spec.softcap, spec.floor, spec.scale})},
       .shapes = {{rows, spec.chosen}, {rows, spec.chosen}},
       .types = {mx::uint32, mx::float32},
       .groups = {rows, 1, 1},
       .threads = {32, 1}});
  return {out[0], out[1]};
}

}  // namespace ingot::ops::gpu
