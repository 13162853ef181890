#include "ops/cpu/mixture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/cpu.h"
#include "core/thread_pool.h"
#include "kernels/product.h"
#include "kernels/store.h"
#include "ops/cpu/bend.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/expert_run.h"
#include "ops/cpu/fused.h"
#include "ops/cpu/router_rows.h"
#include "ops/cpu/row_norm.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/weight_arrays.h"

namespace ingot::ops::cpu {
namespace {

using kernels::PlannedProduct;
using kernels::Segment;

// Numbers that a thread takes at a time: some microseconds of work.
constexpr size_t kChunk = size_t{1} << 14;

mx::Stream Stream() { return mx::default_stream(mx::Device::cpu); }

core::ThreadPool& Pool() { return core::ThreadPool::Shared(); }

// Which arrays follow each other among the operation's inputs, x being the first.
struct Specs {
  std::optional<float> eps;  // of the norm's weight, if there is one
  std::optional<float> router_eps;
  WeightSpec router;
  bool correction = false;
  bool expert_scale = false;
  ExpertSpecs experts;
  std::optional<WeightSpec> shared_gate_proj;
  std::optional<WeightSpec> shared_up;
  std::optional<WeightSpec> shared_down;
  std::optional<WeightSpec> shared_gate;
};

// The inputs again, once they have their memory.
class Reader {
 public:
  Reader(const std::vector<Array>& inputs, size_t first) : inputs_(inputs), next_(first) {}
  const Array& Next() { return inputs_[next_++]; }
  // In one piece, as long as the stream works.
  Array Piece() {
    const Array& input = Next();
    return input.flags().row_contiguous ? input : CopyInOnePiece(input, Stream());
  }
  BoundWeight Weight(const WeightSpec& spec) {
    BoundWeight weight(spec, inputs_, next_, Stream());
    next_ += CountOf(spec);
    return weight;
  }
  std::optional<BoundWeight> Weight(const std::optional<WeightSpec>& spec) {
    if (!spec) return std::nullopt;
    return Weight(*spec);
  }
  BoundExperts Experts(const ExpertSpecs& specs) {
    return BoundExperts(specs, inputs_, next_, Stream());
  }

 private:
  const std::vector<Array>& inputs_;
  size_t next_;
};

// A product of all rows with one matrix, kept until it is computed.
struct WholeProduct {
  WholeProduct(const BoundWeight& bound, const std::vector<const std::byte*>& x, FloatType x_type,
               const ScratchRows& to)
      : weight(bound), from(x), type(x_type), y(to) {
    segment = {.matrix = weight.MatrixOf(0),
               .factor = weight.FactorOf(0),
               .bias = weight.BiasOf(0),
               .first_row = 0,
               .rows = from.size()};
  }
  PlannedProduct Plan(const kernels::Gating* gating = nullptr) const {
    return {PlanProduct(segment.matrix, type, core::ActiveIsa()),
            {.segments = {&segment, 1},
             .type = type,
             .result_type = y.type,
             .bias_type = weight.bias_type,
             .x = from,
             .y = y.rows,
             .gating = gating}};
  }

  const BoundWeight& weight;
  const std::vector<const std::byte*>& from;
  FloatType type;
  const ScratchRows& y;
  Segment segment;
};

struct Job {
  Strided x;
  FloatType type;
  std::optional<RowNorm> norm;
  std::optional<RowNorm> router_norm;
  bool onto;
  BoundWeight router;
  bool wide_router;
  RouterRules rules;
  std::optional<Array> correction;
  std::optional<Array> expert_scale;
  BoundExperts experts;
  std::optional<BoundWeight> shared_gate_proj;
  std::optional<BoundWeight> shared_up;
  std::optional<BoundWeight> shared_down;
  std::optional<BoundWeight> shared_gate;
  MlpActivation shared_activation;
  std::byte* y;

  void operator()() const {
    const RowsOf rows(x);
    const size_t count = rows.size();
    const size_t width = x.shape.back();
    const ScratchRows normed(norm ? count : 0, width, type);
    if (norm) norm->Apply(rows.all(), type, normed.memory.data(), Pool());
    const std::vector<const std::byte*> from = norm ? normed.Inputs() : rows.all();
    const ScratchRows routed(router_norm ? count : 0, width, type);
    if (router_norm) router_norm->Apply(rows.all(), type, routed.memory.data(), Pool());

    const ScratchRows logits(count, router.outputs, wide_router ? FloatType::kF32 : type);
    const ScratchRows inner(shared_up ? count : 0, shared_up ? shared_up->outputs : 0, type);
    const ScratchRows gates(shared_gate ? count : 0, 1, type);
    ComputeFirst(from, router_norm ? routed.Inputs() : from, logits, inner, gates);

    std::vector<uint32_t> chosen(count * rules.chosen);
    std::vector<float> shares(count * rules.chosen);
    RouterRun{.rules = rules,
              .all = router.outputs,
              .type = logits.type,
              .correction = correction ? correction->data<float>() : nullptr,
              .expert_scale = expert_scale ? expert_scale->data<float>() : nullptr,
              .experts = chosen.data(),
              .weights = shares.data()}(logits.Inputs());

    ExpertRun run(experts, chosen, rules.chosen, from, type);
    run.ComputeInner();
    std::vector<PlannedProduct> last = {run.Down()};
    const ScratchRows common(shared_down ? count : 0, width, FloatType::kF32);
    const std::vector<const std::byte*> between = inner.Inputs();
    std::optional<WholeProduct> down;
    if (shared_down) {
      down.emplace(*shared_down, between, type, common);
      last.push_back(down->Plan());
    }
    kernels::ComputeAll(last, Pool());
    Collect(rows, run, shares, common, gates);
  }

 private:
  // What needs the rows alone.
  void ComputeFirst(const std::vector<const std::byte*>& from,
                    const std::vector<const std::byte*>& asked, const ScratchRows& logits,
                    const ScratchRows& inner, const ScratchRows& gates) const {
    const bool widen = wide_router && type != FloatType::kF32;
    const ScratchRows wide(widen ? from.size() : 0, x.shape.back(), FloatType::kF32);
    if (widen) Widen(asked, wide);
    const std::vector<const std::byte*> wide_rows = wide.Inputs();
    const WholeProduct routed(router, widen ? wide_rows : asked, widen ? FloatType::kF32 : type,
                              logits);
    std::vector<PlannedProduct> products = {routed.Plan()};

    const auto bend = [&](std::span<const float> gate, std::span<float> up) {
      BendRow(shared_activation, gate, up, up);
    };
    const kernels::Gating gating(bend);
    std::optional<WholeProduct> up;
    if (shared_up) {
      up.emplace(*shared_up, from, type, inner);
      if (const auto& gate = shared_gate_proj) {
        up->segment.gate = {gate->MatrixOf(0), gate->FactorOf(0), gate->BiasOf(0)};
      }
      products.push_back(up->Plan(&gating));
    }
    std::optional<WholeProduct> gate;
    if (shared_gate) {
      gate.emplace(*shared_gate, from, type, gates);
      products.push_back(gate->Plan());
    }
    kernels::ComputeAll(products, Pool());
  }

  void Widen(const std::vector<const std::byte*>& from, const ScratchRows& wide) const {
    Pool().ParallelFor(from.size(), std::max<size_t>(1, kChunk / wide.width),
                       [&](size_t begin, size_t end) {
                         for (size_t r = begin; r < end; ++r) {
                           auto* row = reinterpret_cast<float*>(wide.rows[r]);
                           kernels::LoadFloats(type, from[r], {row, wide.width});
                         }
                       });
  }

  // The sum of everything, of a row's pieces at a time, so that threads share a row that is alone.
  void Collect(const RowsOf& rows, const ExpertRun& run, const std::vector<float>& shares,
               const ScratchRows& common, const ScratchRows& gates) const {
    const size_t width = x.shape.back();
    const size_t each = rules.chosen;
    const size_t item = quant::SizeOf(type);
    // A power of two, so that pieces are whole vectors.
    constexpr size_t kPiece = 1024;
    const size_t pieces = (width + kPiece - 1) / kPiece;
    const size_t chunk = std::max<size_t>(1, 4 * kChunk / (kPiece * (each + 1)));
    Pool().ParallelFor(rows.size() * pieces, chunk, [&](size_t begin, size_t end) {
      std::array<float, kPiece> room;
      for (size_t task = begin; task < end; ++task) {
        const size_t r = task / pieces;
        const size_t at = task % pieces * kPiece;
        const size_t count = std::min(kPiece, width - at);
        const std::span<float> sum = std::span(room).first(count);
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (size_t i = 0; i < each; ++i) {
          AddScaled(run.Result(r, i).subspan(at, count), shares[r * each + i], sum);
        }
        if (shared_down) {
          const float share = shared_gate ? Sigmoid(quant::LoadFloat(type, gates.rows[r], 0)) : 1;
          AddScaled(common.Floats(r).subspan(at, count), share, sum);
        }
        if (onto) kernels::AddFloats(type, rows[r] + at * item, sum);
        kernels::StoreFloats(type, sum, y + (r * width + at) * item);
      }
    });
  }
  static float Sigmoid(float value) { return 1 / (1 + std::exp(-value)); }
};

// A vector of fp32 numbers for each expert.
bool IsExpertVector(const std::optional<Array>& vector) {
  return !vector || vector->dtype() == mx::float32;
}

bool IsServed(const Linear& linear, const Array& x) {
  return IsReadable(linear.weight, linear.bias) && FloatTypeOf(x.dtype()).has_value();
}

WeightSpec Append(const Linear& linear, std::vector<Array>& inputs) {
  AppendArrays(linear.weight, linear.bias, inputs);
  return SpecOf(linear.weight, linear.bias);
}

}  // namespace

bool ServesMixture(const MixtureWeights& mixture, const Array& x,
                   const std::optional<NormWeights>& norm) {
  if (!KernelsInUse() || x.ndim() != 3 || !FloatTypeOf(x.dtype())) return false;
  const RouterSpec& spec = *mixture.spec;
  return IsRowNorm(norm, x) && IsRowNorm(mixture.router_norm, x) && IsServed(*mixture.router, x) &&
         AreSound(spec, mixture.router->outputs()) && IsExpertVector(spec.correction) &&
         IsExpertVector(spec.expert_scale) && AreReadable(*mixture.experts) &&
         (!mixture.shared || ServesMlp(*mixture.shared, x, std::nullopt)) &&
         (mixture.shared_gate == nullptr || (mixture.shared && IsServed(*mixture.shared_gate, x)));
}

Array ApplyMixture(const MixtureWeights& mixture, const Array& x,
                   const std::optional<NormWeights>& norm, bool onto) {
  std::vector<Array> inputs = {x};
  Specs specs;
  if (norm) {
    specs.eps = norm->eps;
    inputs.push_back(norm->weight);
  }
  if (mixture.router_norm) {
    specs.router_eps = mixture.router_norm->eps;
    inputs.push_back(mixture.router_norm->weight);
  }
  specs.router = Append(*mixture.router, inputs);
  const RouterSpec& rules = *mixture.spec;
  specs.correction = rules.correction.has_value();
  if (specs.correction) inputs.push_back(*rules.correction);
  specs.expert_scale = rules.expert_scale.has_value();
  if (specs.expert_scale) inputs.push_back(*rules.expert_scale);
  specs.experts = SpecsOf(*mixture.experts);
  AppendExperts(*mixture.experts, inputs);
  MlpActivation activation;
  if (const std::optional<MlpWeights>& shared = mixture.shared) {
    activation = shared->activation;
    if (shared->gate != nullptr) specs.shared_gate_proj = Append(*shared->gate, inputs);
    specs.shared_up = Append(*shared->up, inputs);
    specs.shared_down = Append(*shared->down, inputs);
    if (mixture.shared_gate != nullptr) specs.shared_gate = Append(*mixture.shared_gate, inputs);
  }
  const auto prepare = [specs = std::move(specs), rules = RouterRules(rules), activation, onto,
                        wide = mixture.wide_router](const std::vector<Array>& in,
                                                    Array& out) -> Task {
    Reader reader(in, 1);
    std::optional<RowNorm> row_norm;
    if (specs.eps) row_norm = RowNormOf(reader.Next(), *specs.eps);
    std::optional<RowNorm> router_norm;
    if (specs.router_eps) router_norm = RowNormOf(reader.Next(), *specs.router_eps);
    BoundWeight router = reader.Weight(specs.router);
    std::optional<Array> correction;
    if (specs.correction) correction = reader.Piece();
    std::optional<Array> expert_scale;
    if (specs.expert_scale) expert_scale = reader.Piece();
    BoundExperts experts = reader.Experts(specs.experts);
    std::optional<BoundWeight> gate = reader.Weight(specs.shared_gate_proj);
    std::optional<BoundWeight> up = reader.Weight(specs.shared_up);
    std::optional<BoundWeight> down = reader.Weight(specs.shared_down);
    return Job{.x = Strided(in[0]),
               .type = *FloatTypeOf(out.dtype()),
               .norm = std::move(row_norm),
               .router_norm = std::move(router_norm),
               .onto = onto,
               .router = std::move(router),
               .wide_router = wide,
               .rules = rules,
               .correction = std::move(correction),
               .expert_scale = std::move(expert_scale),
               .experts = std::move(experts),
               .shared_gate_proj = std::move(gate),
               .shared_up = std::move(up),
               .shared_down = std::move(down),
               .shared_gate = reader.Weight(specs.shared_gate),
               .shared_activation = activation,
               .y = BytesOf(out)};
  };
  return CpuOp("IngotMixture", x.shape(), x.dtype(), std::move(inputs), prepare, 1);
}

}  // namespace ingot::ops::cpu
