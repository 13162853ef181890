#include "ops/gpu/mamba.h"

namespace ingot::ops::gpu {
namespace {

constexpr int kRows = 8;  // warps in a group

// A warp has one row of a head's state, each lane every 32nd of its N elements.
constexpr const char* kScan = R"(
  constexpr int kPart = (N + 31) / 32;
  int lane = $thread_x;
  int row = $group_y * Rows + $thread_y;
  int batch = $group_z / Hm;
  int head = $group_z % Hm;
  int group = head / (Hm / G);
  int steps = x_shape[1];
  if (row < P) {
    long start = (long($group_z) * P + row) * N;
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
      float kept = $exp(-time * fall);
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
)";

const KernelText kSelectiveScan = {
    .name = "selective_scan",
    .inputs = {"x", "dt", "rate", "into", "out_of", "direct", "state"},
    .outputs = {"y", "state_out"},
    .body = kScan};

}  // namespace

ScanResult SelectiveScan(const Launch& launch, const ScanInputs& in, const Array& state) {
  const int heads = in.x.shape(2);
  const int width = in.x.shape(3);
  std::vector<Array> out =
      launch({.text = &kSelectiveScan,
              .constants = {{"Hm", heads},
                            {"P", width},
                            {"G", in.input.shape(2)},
                            {"N", in.input.shape(3)},
                            {"Rows", kRows},
                            {"T", in.x.dtype()},
                            {"StateT", mx::float32}},
              .inputs = {in.x, ToFloat32(in.step), ToFloat32(in.rate), in.input, in.output,
                         ToFloat32(in.direct), ToFloat32(state)},
              .shapes = {in.x.shape(), state.shape()},
              .types = {in.x.dtype(), mx::float32},
              .groups = {1, (width + kRows - 1) / kRows, in.x.shape(0) * heads},
              .threads = {32, kRows}});
  return {out[0], out[1]};
}

}  // namespace ingot::ops::gpu
