#include "tests/ops/gpu/cases.h"

#include <cstdint>
#include <limits>

#include "core/strings.h"
#include "ops/attention.h"
#include "ops/cpu/choice.h"
#include "ops/delta.h"
#include "ops/gpu/attention.h"
#include "ops/gpu/delta.h"
#include "ops/gpu/mamba.h"
#include "ops/gpu/router.h"
#include "ops/gpu/sample.h"
#include "ops/mamba.h"
#include "ops/norm.h"
#include "ops/router.h"
#include "ops/sample.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using ops::Array;
using ops::gpu::Launch;
using Arrays = std::vector<Array>;

// Uniform in ±range.
Array Values(const mx::Shape& shape, mx::Dtype type, uint64_t seed, float range = 1) {
  return mx::astype(mx::random::uniform(-range, range, shape, mx::float32, mx::random::key(seed)),
                    type);
}
Array Shares(const mx::Shape& shape, uint64_t seed, float low, float high) {
  return mx::random::uniform(low, high, shape, mx::float32, mx::random::key(seed));
}

std::string TypeText(mx::Dtype type) { return ops::gpu::TypeSuffix(type); }

// Sums in another order, and for halves one rounding more or less of what is written.
double ToleranceOf(mx::Dtype type) {
  return type == mx::float32 ? 2e-5 : type == mx::float16 ? 2e-3 : 1e-2;
}

struct DeltaCase {
  int batch, steps, key_heads, value_heads, key_dim, value_dim;
  mx::Dtype type;
  int keep_every = 0;
  bool forgets = false;  // some steps decay to nothing
};

KernelCase Delta(const DeltaCase& c) {
  const auto inputs = [c] {
    const Array k = ops::L2Norm(Values({c.batch, c.steps, c.key_heads, c.key_dim}, c.type, 2), 0);
    Array decay = Shares({c.batch, c.steps, c.value_heads}, 4, 0.95F, 1.0F);
    if (c.forgets) {
      decay = mx::where(mx::greater(decay, Array(0.99F)), mx::zeros_like(decay), decay);
    }
    return ops::DeltaInputs{Values({c.batch, c.steps, c.key_heads, c.key_dim}, c.type, 1), k,
                            Values({c.batch, c.steps, c.value_heads, c.value_dim}, c.type, 3),
                            decay, Shares({c.batch, c.steps, c.value_heads}, 5, 0, 1)};
  };
  const auto state = [c] {
    return Values({c.batch, c.value_heads, c.value_dim, c.key_dim}, mx::float32, 6);
  };
  const auto list = [c](const ops::DeltaResult& result) {
    Arrays arrays = {result.y, result.state};
    if (c.keep_every > 0) arrays.push_back(result.between.value());
    return arrays;
  };
  return {.kernel = "GatedDelta",
          .name = StrCat(c.batch, "x", c.steps, " heads ", c.key_heads, "/", c.value_heads, " of ",
                         c.key_dim, "/", c.value_dim, " ", TypeText(c.type), " every ",
                         c.keep_every, c.forgets ? " forgetting" : ""),
          .own =
              [=](const Launch& launch) {
                return list(ops::gpu::GatedDelta(launch, inputs(), state(), c.keep_every));
              },
          .plain =
              [=] {
                const ops::DeltaInputs in = inputs();
                return list(
                    ops::GatedDelta(in.q, in.k, in.v, in.decay, in.beta, state(), c.keep_every));
              },
          .tolerance = ToleranceOf(c.type)};
}

KernelCase Conv(int batch, int steps, int channels, int taps, mx::Dtype type) {
  const auto u = [=] { return Values({batch, steps, channels}, type, 1); };
  const auto weight = [=] { return Values({channels, taps}, type, 2); };
  const auto tail = [=] { return Values({batch, taps - 1, channels}, type, 3); };
  return {.kernel = "CausalConv",
          .name = StrCat(batch, "x", steps, "x", channels, " taps ", taps, " ", TypeText(type)),
          .own = [=](const Launch& launch) -> Arrays {
            const ops::ConvResult r = ops::gpu::CausalConv(launch, u(), weight(), tail());
            return {r.y, r.tail};
          },
          .plain = [=]() -> Arrays {
            const ops::ConvResult r = ops::CausalConv(u(), weight(), tail());
            return {r.y, r.tail};
          },
          .tolerance = 1e-6};
}

KernelCase Scan(int batch, int steps, int heads, int width, int groups, int size, mx::Dtype type) {
  const auto inputs = [=] {
    return ops::ScanInputs{.x = Values({batch, steps, heads, width}, type, 1),
                           .step = Shares({batch, steps, heads}, 2, 0.001F, 0.1F),
                           .rate = Shares({heads}, 3, 0.5F, 8),
                           .input = Values({batch, steps, groups, size}, type, 4),
                           .output = Values({batch, steps, groups, size}, type, 5),
                           .direct = Values({heads}, mx::float32, 6)};
  };
  const auto state = [=] { return Values({batch, heads, width, size}, mx::float32, 7); };
  return {.kernel = "SelectiveScan",
          .name = StrCat(batch, "x", steps, " heads ", heads, "x", width, " groups ", groups, "x",
                         size, " ", TypeText(type)),
          .own = [=](const Launch& launch) -> Arrays {
            const ops::ScanResult r = ops::gpu::SelectiveScan(launch, inputs(), state());
            return {r.y, r.state};
          },
          .plain = [=]() -> Arrays {
            const ops::ScanResult r = ops::SelectiveScan(inputs(), state());
            return {r.y, r.state};
          },
          .tolerance = ToleranceOf(type)};
}

struct AttentionCase {
  int batch, heads, key_heads, rows, keys, width, value_width;
  mx::Dtype type;
  int window = 0;
  bool sinks = false;
  bool causal = true;
  bool shared = false;  // values are the first part of the keys, as they lie
};

KernelCase Attention(const AttentionCase& c) {
  const auto q = [c] {
    // Heads made from rows: not in one piece.
    return mx::swapaxes(Values({c.batch, c.rows, c.heads, c.width}, c.type, 1), 1, 2);
  };
  const auto k = [c] {
    // A part of a cache with more room.
    return mx::slice(Values({c.batch, c.key_heads, c.keys + 5, c.width}, c.type, 2), {0, 0, 0, 0},
                     {c.batch, c.key_heads, c.keys, c.width});
  };
  const auto v = [=] {
    return c.shared ? ops::LastSlice(k(), 0, c.value_width)
                    : Values({c.batch, c.key_heads, c.keys, c.value_width}, c.type, 3);
  };
  const auto spec = [c] {
    ops::AttentionSpec result{.scale = 0.2F, .window = c.window, .sinks = {}, .causal = c.causal};
    if (c.sinks) result.sinks = Values({c.heads}, c.type, 4);
    return result;
  };
  return {.kernel = "WideAttention",
          .name = StrCat(c.batch, " heads ", c.heads, "/", c.key_heads, " ", c.rows, " rows ",
                         c.keys, " keys of ", c.width, "/", c.value_width, " ", TypeText(c.type),
                         " window ", c.window, c.sinks ? " sinks" : "", c.causal ? "" : " open"),
          .own = [=](const Launch& launch) -> Arrays {
            return {ops::gpu::WideAttention(launch, q(), k(), v(), spec())};
          },
          .plain = [=]() -> Arrays {
            return {mx::contiguous(ops::AttentionHeads(q(), k(), v(), spec()))};
          },
          .tolerance = ToleranceOf(c.type)};
}

// Scores that differ, so that the choice does not hang on the last bit; brought into one order.
Arrays InOrder(const ops::Routing& routing, int experts) {
  const Array rows = mx::zeros({routing.experts.shape(0), experts}, mx::float32);
  return {mx::put_along_axis(rows, mx::astype(routing.experts, mx::int32), routing.weights, -1)};
}

KernelCase Router(int rows, int experts, const ops::RouterSpec& spec, bool corrected,
                  mx::Dtype type) {
  const auto whole = [=] {
    ops::RouterSpec result = spec;
    if (corrected) result.correction = Values({experts}, mx::float32, 2);
    return result;
  };
  const auto logits = [=] { return Values({rows, experts}, type, 1, 6); };
  return {.kernel = "Router",
          .name = StrCat(rows, "x", experts, " chosen ", spec.chosen, " groups ", spec.groups,
                         " score ", static_cast<int>(spec.score), " ", TypeText(type)),
          .own =
              [=](const Launch& launch) {
                return InOrder(ops::gpu::Route(launch, logits(), whole()), experts);
              },
          .plain = [=] { return InOrder(ops::Route(logits(), whole()), experts); },
          .tolerance = 2e-6};
}

KernelCase Draw(int size, const ops::DrawSpec& spec, mx::Dtype type) {
  const auto logits = [=] { return Values({size}, type, static_cast<uint64_t>(size), 9); };
  constexpr int kDraws = 8;
  const auto all = [=](const auto& draw) {
    Arrays tokens;
    for (int i = 0; i < kDraws; ++i) {
      ops::DrawSpec one = spec;
      one.number = (static_cast<float>(i) + 0.37F) / kDraws;
      tokens.push_back(draw(logits(), one));
    }
    return tokens;
  };
  return {
      .kernel = "Draw",
      .name = StrCat(size, " top_k ", spec.top_k, " top_p ", spec.top_p, " min_p ", spec.min_p, " ",
                     TypeText(type)),
      .own =
          [=](const Launch& launch) {
            return all([&](const Array& x, const ops::DrawSpec& one) {
              return ops::gpu::Draw(launch, x, one);
            });
          },
      .plain =
          [=] {
            return all([](const Array& x, const ops::DrawSpec& one) { return ops::Draw(x, one); });
          },
      .tolerance = 0};
}

}  // namespace

std::vector<KernelCase> AllKernelCases() {
  const mx::Dtype f32 = mx::float32;
  const mx::Dtype f16 = mx::float16;
  const mx::Dtype bf16 = mx::bfloat16;
  using Score = ops::RouterScore;
  return {
      // Recurrent: one step, odd sizes, states between; then chunked, with a last chunk in part.
      Delta({1, 1, 2, 4, 128, 16, bf16}),
      Delta({2, 7, 1, 3, 20, 5, f32}),
      Delta({1, 9, 2, 2, 33, 9, f16, 2}),
      Delta({1, 3, 1, 1, 32, 8, f32, 4}),
      Delta({1, 4096, 1, 1, 36, 3, f32, 4096}),
      Delta({1, 4096, 1, 2, 36, 5, f32}),
      Delta({1, 4096, 1, 1, 64, 8, bf16, 0, true}),
      Delta({2, 37, 2, 4, 128, 11, bf16}),
      Delta({1, 50, 1, 1, 40, 16, f16}),
      Delta({1, 33, 1, 1, 256, 8, f32}),  // keys that do not fit the chunked form
      Conv(1, 1, 130, 4, bf16),
      Conv(2, 2, 5, 4, f32),
      Conv(1, 4096, 3, 4, f16),
      Conv(2, 19, 257, 3, bf16),
      Scan(1, 1, 4, 8, 2, 128, bf16),
      Scan(2, 9, 6, 11, 3, 33, f32),
      Scan(1, 4096, 1, 3, 1, 16, f32),
      Scan(1, 21, 2, 5, 1, 40, f16),
      Attention({1, 5, 1, 1, 700, 576, 512, bf16, 0, false, true, true}),
      Attention({1, 4, 2, 3, 1100, 40, 24, f32, 0, true}),
      Attention({2, 4, 4, 8, 33, 256, 256, f16, 7}),
      Attention({1, 3, 1, 1, 5, 257, 33, f32, 5}),
      Attention({1, 2, 2, 4, 9, 80, 80, bf16, 0, false, false}),
      Router(3, 60, {.chosen = 4}, false, f32),
      Router(2, 128, {.chosen = 8, .normalise = false, .scale = 2.5F, .softcap = 3}, false, bf16),
      Router(5, 64,
             {.score = Score::kSigmoid,
              .chosen = 6,
              .floor = 1e-20F,
              .scale = 1.8F,
              .groups = 8,
              .kept_groups = 3},
             true, f32),
      Router(2, 32, {.score = Score::kRootSoftplus, .chosen = 2}, true, f16),
      Router(2, 5, {.score = Score::kSigmoid, .chosen = 5, .groups = 5, .kept_groups = 5}, true,
             f32),
      Draw(1000, {}, f32),
      Draw(37, {.temperature = 0.7F, .top_k = 5}, bf16),
      Draw(3001, {.temperature = 3, .top_k = 40, .top_p = 0.9F, .min_p = 0.05F}, f32),
      Draw(700, {.temperature = 2, .top_p = 0.8F}, f32),
      Draw(700, {.temperature = 2, .min_p = 0.1F}, f32),
  };
}

}  // namespace ingot::testing
