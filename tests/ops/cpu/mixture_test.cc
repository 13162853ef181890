// A layer's whole mixture on the CPU kernels, against what it is put together from in fp32.
#include "ops/mixture.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "core/thread_pool.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/mixture.h"
#include "ops/norm.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

constexpr int kExperts = 8;
constexpr int kHidden = 1152;  // more than a piece of a row, and not whole ones
constexpr int kInner = 64;

Array Random(const mx::Shape& shape, uint64_t seed, float scale = 0.2F) {
  return mx::astype(mx::random::normal(shape, mx::float32, 0, scale, mx::random::key(seed)),
                    mx::bfloat16);
}

Weight Quantized(const Array& weight, quant::Format format) {
  const std::vector<Array> parts = mx::quantize(weight, format.group_size, format.bits,
                                                std::string(quant::InfoOf(format.mode).name));
  QuantizedTensor tensor{parts[0], parts[1], {}, {}, format};
  if (parts.size() > 2) tensor.biases = parts[2];
  return tensor;
}

constexpr quant::Format kInt4 = {quant::Mode::kAffine, 4, 32};
constexpr quant::Format kInt8 = {quant::Mode::kAffine, 8, 64};

// Everything that a mixture may have, kept for the pointers of MixtureWeights.
struct Case {
  std::string name;
  Linear router{Random({kExperts, kHidden}, 1), {}};
  RouterSpec spec{.chosen = 3};
  ExpertMlp experts{.gate = ExpertStack{Random({kExperts, kInner, kHidden}, 2), {}},
                    .up = {Random({kExperts, kInner, kHidden}, 3), {}},
                    .down = {Random({kExperts, kHidden, kInner}, 4), {}},
                    .activation = {}};
  std::optional<Linear> shared_gate_proj = {};
  Linear shared_up{Random({kInner, kHidden}, 6), {}};
  Linear shared_down{Random({kHidden, kInner}, 7), {}};
  bool shared = false;
  std::optional<Linear> shared_gate = {};
  std::optional<NormWeights> router_norm = {};

  MixtureWeights Weights() const {
    MixtureWeights weights{.router = &router,
                           .spec = &spec,
                           .experts = &experts,
                           .wide_router = true,
                           .router_norm = router_norm};
    if (!shared) return weights;
    weights.shared = MlpWeights{shared_gate_proj ? &*shared_gate_proj : nullptr, &shared_up,
                                &shared_down, experts.activation};
    weights.shared_gate = shared_gate ? &*shared_gate : nullptr;
    return weights;
  }
};

std::vector<Case> Cases() {
  using Kind = MlpActivation::Kind;
  std::vector<Case> cases;
  cases.push_back({.name = "experts alone"});
  Case shared{.name = "a shared expert with a gate"};
  shared.experts.gate = ExpertStack{Quantized(Random({kExperts, kInner, kHidden}, 2), kInt4), {}};
  shared.experts.up = {Quantized(Random({kExperts, kInner, kHidden}, 3), kInt4), {}};
  shared.shared = true;
  shared.shared_gate_proj = Linear{Random({kInner, kHidden}, 5), {}};
  shared.shared_gate = Linear{Random({1, kHidden}, 8), {}};
  cases.push_back(shared);
  Case mixed{.name = "a gate stored otherwise than up"};
  mixed.experts.gate = ExpertStack{Quantized(Random({kExperts, kInner, kHidden}, 2), kInt8), {}};
  cases.push_back(mixed);
  Case grouped{.name = "groups, a correction and no gates"};
  grouped.spec = {.score = RouterScore::kSigmoid,
                  .chosen = 2,
                  .floor = 1e-20F,
                  .scale = 1.8F,
                  .correction = mx::arange(0.0, 0.8, 0.1, mx::float32),
                  .groups = 4,
                  .kept_groups = 2};
  grouped.experts.gate = {};
  grouped.experts.activation = {.kind = Kind::kReluSquared};
  grouped.shared = true;
  cases.push_back(grouped);
  Case joined{.name = "gate and up in one, with biases, and experts that count more"};
  joined.spec.expert_scale = mx::arange(0.5, 4.5, 0.5, mx::float32);
  joined.experts.gate = {};
  joined.experts.up = {Random({kExperts, 2 * kInner, kHidden}, 9),
                       Random({kExperts, 2 * kInner}, 10)};
  joined.experts.form = GateUp::kJoined;
  joined.experts.activation = {.kind = Kind::kGeluTanh};
  joined.router_norm = NormWeights{Random({kHidden}, 11, 1.0F), 1e-6F};
  cases.push_back(joined);
  joined.name = "the same in turn";
  joined.experts.form = GateUp::kInTurn;
  joined.experts.activation = {.kind = Kind::kClampedSilu};
  cases.push_back(joined);
  return cases;
}

// Of what the router reads and what the experts do.
Array ExpectedOf(MixtureWeights weights, const Array& asked, const Array& in) {
  const mx::Shape flat = {in.shape(1), kHidden};
  weights.router_norm = {};
  const Routing routing = Route(Apply(*weights.router, mx::reshape(asked, flat)), *weights.spec);
  Array y = ApplyExperts(*weights.experts, mx::reshape(in, flat), routing);
  if (weights.shared) {
    Array common = ApplyMlp(*weights.shared, mx::reshape(in, flat));
    if (weights.shared_gate != nullptr) {
      common = common * mx::sigmoid(Apply(*weights.shared_gate, mx::reshape(in, flat)));
    }
    y = y + common;
  }
  return mx::reshape(y, in.shape());
}

struct Precision {
  mx::Dtype type;
  float step;
};

TEST(CpuMixtureTest, EveryFormMatchesItsPlainFormInFp32) {
  const NormWeights norm{Random({kHidden}, 20, 1.0F), 1e-5F};
  for (const Case& one : Cases()) {
    const MixtureWeights weights = one.Weights();
    for (const Precision precision :
         {Precision{mx::float32, 1e-5F}, Precision{mx::bfloat16, 2e-2F}}) {
      for (const int rows : {1, 5, 70}) {
        const Array x = mx::astype(Random({1, rows, kHidden}, 21, 1.0F), precision.type);
        for (const bool normed : {false, true}) {
          const auto with = normed ? std::optional(norm) : std::nullopt;
          ASSERT_TRUE(cpu::ServesMixture(weights, x, with));
          const Array y = normed ? ApplyMixtureOnto(weights, x, norm) : ApplyMixture(weights, x);
          EXPECT_EQ(y.dtype(), precision.type);
          // Which experts are chosen hangs on how norms were rounded: from there on in fp32.
          const Array in = normed ? RmsNorm(x, norm.weight, norm.eps) : x;
          const auto& own = weights.router_norm;
          const Array asked = own ? RmsNorm(x, own->weight, own->eps) : in;
          mx::eval(in, asked);
          const cpu::PlainForms plain;
          Array expected = ExpectedOf(weights, ToFloat32(asked), ToFloat32(in));
          if (normed) expected = expected + ToFloat32(x);
          EXPECT_LE(Difference(y, expected), precision.step)
              << one.name << ", rows " << rows << (normed ? ", normed" : "");
        }
      }
    }
  }
}

TEST(CpuMixtureTest, ResultsDoNotDependOnThreads) {
  const std::vector<Case> cases = Cases();
  const NormWeights norm{Random({kHidden}, 20, 1.0F), 1e-5F};
  for (const int rows : {1, 40}) {
    const Array x = Random({1, rows, kHidden}, 22, 1.0F);
    mx::eval(x);
    std::vector<Array> results;
    for (const int threads : {1, 2, 5}) {
      core::ThreadPool::SetSharedThreads(threads);
      results.push_back(ApplyMixtureOnto(cases[1].Weights(), x, norm));
      mx::eval(results.back());
    }
    core::ThreadPool::SetSharedThreads(0);
    EXPECT_TRUE(mx::array_equal(results[0], results[1]).item<bool>());
    EXPECT_TRUE(mx::array_equal(results[0], results[2]).item<bool>());
  }
}

TEST(CpuMixtureTest, NaNStaysInItsRow) {
  const Case one = Cases()[1];
  const Array x = Random({1, 3, kHidden}, 23, 1.0F);
  const Array bad =
      mx::put_along_axis(mx::reshape(x, {3, kHidden}), mx::full({3, 1}, 0, mx::int32),
                         mx::astype(Array({1.0F, NAN, 1.0F}, {3, 1}), mx::bfloat16), 1);
  const Array y = ApplyMixture(one.Weights(), mx::reshape(bad, x.shape()));
  const Array lost = mx::any(mx::isnan(y), -1);
  EXPECT_TRUE(mx::array_equal(lost, Array({false, true, false}, {1, 3})).item<bool>());
}

}  // namespace
}  // namespace ingot::ops
