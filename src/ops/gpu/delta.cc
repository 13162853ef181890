#include "ops/gpu/delta.h"

#include <algorithm>

#include "ops/gpu/delta_texts.h"

namespace ingot::ops::gpu {
namespace {

constexpr int kRows = 8;    // warps in a group
constexpr int kChunk = 16;  // two products a step: one for each lane
// What every device of either kind allows a group, with room to spare.
constexpr int kSharedBytes = 30 << 10;
constexpr int kConvThreads = 128;

bool FitsChunked(int steps, int key_dim) {
  const int floats = 2 * kChunk * key_dim + 3 * kChunk * kChunk + 3 * kChunk;
  return steps >= kChunkedFrom && floats * static_cast<int>(sizeof(float)) <= kSharedBytes;
}

int Groups(int count, int size) { return (count + size - 1) / size; }

constexpr const char* kConv = R"(
  int channel = $group_y * Threads + $thread_x;
  int t = $group_x;
  int batch = $group_z;
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
)";

const KernelText kCausalConv = {.name = "causal_conv",
                                .inputs = {"u", "weight", "tail"},
                                .outputs = {"y", "tail_out"},
                                .body = kConv};

}  // namespace

DeltaResult GatedDelta(const Launch& launch, const DeltaInputs& in, const Array& state,
                       int keep_every) {
  const int batch = in.v.shape(0);
  const int steps = in.v.shape(1);
  const int heads = in.v.shape(2);
  const int value_dim = in.v.shape(3);
  const int key_dim = in.k.shape(3);
  const bool chunked = keep_every == 0 && FitsChunked(steps, key_dim);
  KernelCall call{
      .text = chunked ? &kDeltaChunked : &kDeltaRecurrent,
      .constants = {{"Hk", in.k.shape(2)},
                    {"Hv", heads},
                    {"Dk", key_dim},
                    {"Dv", value_dim},
                    {"Rows", kRows}},
      .inputs = {in.q, in.k, in.v, ToFloat32(in.decay), ToFloat32(in.beta), ToFloat32(state)},
      .shapes = {in.v.shape(), state.shape()},
      .types = {in.v.dtype(), mx::float32},
      .groups = {1, Groups(value_dim, kRows), batch * heads},
      .threads = {32, kRows}};
  if (chunked) {
    call.constants.emplace_back("Chunk", kChunk);
  } else {
    call.constants.emplace_back("Every", keep_every);
    const int kept = keep_every > 0 ? steps / keep_every : 0;
    // MLX wants memory for every output, so what is not asked for has one element.
    call.shapes.push_back(kept > 0 ? mx::Shape{batch, kept, heads, value_dim, key_dim}
                                   : mx::Shape{1});
    call.types.push_back(mx::float32);
  }
  call.constants.emplace_back("T", in.v.dtype());
  call.constants.emplace_back("StateT", mx::float32);
  std::vector<Array> out = launch(call);
  DeltaResult result{out[0], out[1], {}};
  if (keep_every > 0) {
    result.between = steps >= keep_every
                         ? out[2]
                         : mx::zeros({batch, 0, heads, value_dim, key_dim}, mx::float32);
  }
  return result;
}

ConvResult CausalConv(const Launch& launch, const Array& u, const Array& weight,
                      const Array& tail) {
  const int steps = u.shape(1);
  const int channels = u.shape(2);
  const int taps = weight.shape(1);
  std::vector<Array> out =
      launch({.text = &kCausalConv,
              .constants = {{"Taps", taps}, {"Threads", kConvThreads}, {"T", u.dtype()}},
              .inputs = {u, weight, tail},
              .shapes = {u.shape(), {u.shape(0), taps - 1, channels}},
              .types = {mx::float32, u.dtype()},
              // Time along x, where CUDA has no bound of 65,535 groups.
              .groups = {std::max(steps, taps - 1), Groups(channels, kConvThreads), u.shape(0)},
              .threads = {kConvThreads, 1}});
  return {out[0], out[1]};
}

}  // namespace ingot::ops::gpu
