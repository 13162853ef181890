#include "ops/cpu/fused.h"

#include <algorithm>
#include <utility>

#include "core/cpu.h"
#include "kernels/product.h"
#include "kernels/scratch.h"
#include "ops/cpu/bend.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/row_norm.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/weight_arrays.h"

namespace ingot::ops::cpu {
namespace {

using kernels::PlannedProduct;
using kernels::Scratch;
using kernels::Segment;

mx::Stream Stream() { return mx::default_stream(mx::Device::cpu); }

bool IsFloat(const Array& x) { return FloatTypeOf(x.dtype()).has_value(); }

bool IsServed(const Linear& linear, const Array& x) {
  return KernelsInUse() && IsFloat(x) && x.ndim() > 0 && IsReadable(linear.weight, linear.bias);
}

bool IsNormed(const Array& x, const std::optional<NormWeights>& norm) {
  return !norm || (IsFloat(norm->weight) && norm->weight.ndim() == 1 &&
                   norm->weight.shape(0) == x.shape(-1));
}

// Rows of `width` numbers, one after the other.
std::vector<std::byte*> RowsAt(std::byte* first, size_t count, size_t width, FloatType type) {
  std::vector<std::byte*> rows(count);
  for (size_t r = 0; r < count; ++r) rows[r] = first + r * width * quant::SizeOf(type);
  return rows;
}

Segment SegmentOf(const BoundWeight& weight, size_t rows) {
  return {.matrix = weight.MatrixOf(0),
          .factor = weight.FactorOf(0),
          .bias = weight.BiasOf(0),
          .first_row = 0,
          .rows = rows};
}

// What comes in, perhaps normed.
struct Source {
  Strided x;
  std::optional<RowNorm> norm;
  FloatType type;

  size_t width() const { return x.shape.back(); }
  size_t bytes() const { return norm ? x.bytes() : 0; }  // of the memory that Rows wants
  // `rows` are x's own.
  std::vector<const std::byte*> Rows(const RowsOf& rows, std::byte* memory) const {
    if (!norm) return rows.all();
    norm->Apply(rows.all(), type, memory, core::ThreadPool::Shared());
    const std::vector<std::byte*> normed = RowsAt(memory, rows.size(), width(), type);
    return {normed.begin(), normed.end()};
  }
};

// Of an operation whose inputs begin with x and, if there is one, the norm's weight.
Source SourceOf(const std::vector<Array>& inputs, std::optional<float> eps) {
  Source source{.x = Strided(inputs[0]), .norm = {}, .type = *FloatTypeOf(inputs[0].dtype())};
  if (eps) {
    source.norm =
        RowNorm{.weight = Strided(inputs[1]), .type = *FloatTypeOf(inputs[1].dtype()), .eps = *eps};
  }
  return source;
}

struct EachJob {
  Source source;
  std::vector<BoundWeight> weights;
  std::vector<std::byte*> y;

  void operator()() const {
    const RowsOf rows(source.x);
    const Scratch memory(source.bytes());
    const std::vector<const std::byte*> from = source.Rows(rows, memory.data());
    std::vector<Segment> segments;
    std::vector<std::vector<std::byte*>> to;
    for (size_t i = 0; i < weights.size(); ++i) {
      segments.push_back(SegmentOf(weights[i], from.size()));
      to.push_back(RowsAt(y[i], from.size(), weights[i].outputs, source.type));
    }
    std::vector<PlannedProduct> products;
    for (size_t i = 0; i < weights.size(); ++i) {
      products.push_back({PlanProduct(segments[i].matrix, source.type, core::ActiveIsa()),
                          {.segments = {&segments[i], 1},
                           .type = source.type,
                           .result_type = source.type,
                           .bias_type = weights[i].bias_type,
                           .x = from,
                           .y = to[i]}});
    }
    ComputeAll(products, core::ThreadPool::Shared());
  }
};

struct OntoJob {
  Strided addend;
  Strided x;
  BoundWeight weight;
  FloatType type;
  std::byte* y;

  void operator()() const {
    const RowsOf from(x);
    const RowsOf addends(addend);
    const std::vector<std::byte*> to = RowsAt(y, from.size(), weight.outputs, type);
    const Segment segment = SegmentOf(weight, from.size());
    Compute(PlanProduct(segment.matrix, type, core::ActiveIsa()),
            {.segments = {&segment, 1},
             .type = type,
             .result_type = type,
             .bias_type = weight.bias_type,
             .x = from.all(),
             .y = to,
             .addends = addends.all()},
            core::ThreadPool::Shared());
  }
};

struct MlpJob {
  Source source;
  std::optional<BoundWeight> gate;
  BoundWeight up;
  BoundWeight down;
  MlpActivation activation;
  bool onto;
  std::byte* y;

  void operator()() const {
    const RowsOf rows(source.x);
    const FloatType type = source.type;
    const size_t inner_bytes = rows.size() * up.outputs * quant::SizeOf(type);
    const Scratch memory(source.bytes());
    const Scratch inner(inner_bytes);
    const std::vector<const std::byte*> from = source.Rows(rows, memory.data());
    const std::vector<std::byte*> between = RowsAt(inner.data(), rows.size(), up.outputs, type);
    Inner(from, between);

    const std::vector<const std::byte*> activated(between.begin(), between.end());
    const std::vector<std::byte*> to = RowsAt(y, rows.size(), down.outputs, type);
    const Segment segment = SegmentOf(down, rows.size());
    Compute(PlanProduct(segment.matrix, type, core::ActiveIsa()),
            {.segments = {&segment, 1},
             .type = type,
             .result_type = type,
             .bias_type = down.bias_type,
             .x = activated,
             .y = to,
             .addends = onto ? std::span(rows.all()) : std::span<const std::byte* const>()},
            core::ThreadPool::Shared());
  }

 private:
  void Inner(const std::vector<const std::byte*>& from, const std::vector<std::byte*>& to) const {
    Segment segment = SegmentOf(up, from.size());
    if (gate) segment.gate = {gate->MatrixOf(0), gate->FactorOf(0), gate->BiasOf(0)};
    // Without a gate `gating` has nothing to look at but what it bends.
    const auto bend = [&](std::span<const float> gates, std::span<float> ups) {
      BendRow(activation, gates, ups, ups);
    };
    const kernels::Gating gating(bend);
    Compute(PlanProduct(segment.matrix, source.type, core::ActiveIsa()),
            {.segments = {&segment, 1},
             .type = source.type,
             .result_type = source.type,
             .bias_type = up.bias_type,
             .x = from,
             .y = to,
             .gating = &gating},
            core::ThreadPool::Shared());
  }
};

void AppendLinear(const Linear& linear, std::vector<Array>& inputs,
                  std::vector<WeightSpec>& specs) {
  specs.push_back(SpecOf(linear.weight, linear.bias));
  AppendArrays(linear.weight, linear.bias, inputs);
}

// What AppendLinear appended, from `next` on.
BoundWeight Take(const WeightSpec& spec, const std::vector<Array>& inputs, size_t& next) {
  BoundWeight weight(spec, inputs, next, Stream());
  next += CountOf(spec);
  return weight;
}

mx::Shape WithLast(mx::Shape shape, int last) {
  shape.back() = last;
  return shape;
}

bool HasFormatOf(const Linear& a, const Linear& b) {
  const WeightSpec one = SpecOf(a.weight, a.bias);
  const WeightSpec other = SpecOf(b.weight, b.bias);
  const auto* dense = std::get_if<Array>(&a.weight);
  const auto* same = std::get_if<Array>(&b.weight);
  if (a.bias && b.bias && a.bias->dtype() != b.bias->dtype()) return false;
  if (one.packed != other.packed || one.biases != other.biases || !(one.format == other.format)) {
    return false;
  }
  if (dense != nullptr) return dense->dtype() == same->dtype() && dense->shape() == same->shape();
  const auto& codes = std::get<QuantizedTensor>(a.weight);
  const auto& others = std::get<QuantizedTensor>(b.weight);
  return codes.codes.shape() == others.codes.shape() &&
         codes.scales.dtype() == others.scales.dtype();
}

}  // namespace

bool ServesEach(std::span<const Linear* const> linears, const Array& x,
                const std::optional<NormWeights>& norm) {
  return !linears.empty() && IsNormed(x, norm) &&
         std::all_of(linears.begin(), linears.end(),
                     [&](const Linear* linear) { return IsServed(*linear, x); });
}

std::vector<Array> ApplyEach(std::span<const Linear* const> linears, const Array& x,
                             const std::optional<NormWeights>& norm) {
  std::vector<Array> inputs = {x};
  if (norm) inputs.push_back(norm->weight);
  std::vector<WeightSpec> specs;
  std::vector<ResultType> results;
  for (const Linear* linear : linears) {
    AppendLinear(*linear, inputs, specs);
    results.push_back({WithLast(x.shape(), linear->outputs()), x.dtype()});
  }
  const std::optional<float> eps = norm ? std::optional(norm->eps) : std::nullopt;
  const auto prepare = [specs, eps](const std::vector<Array>& in, std::vector<Array>& out) -> Task {
    EachJob job{.source = SourceOf(in, eps), .weights = {}, .y = {}};
    size_t next = eps ? 2 : 1;
    for (size_t i = 0; i < specs.size(); ++i) {
      job.weights.push_back(Take(specs[i], in, next));
      job.y.push_back(BytesOf(out[i]));
    }
    return job;
  };
  return CpuOpOf("IngotApplyEach", results, std::move(inputs), prepare, 1);
}

bool ServesOnto(const Array& addend, const Linear& linear, const Array& x) {
  return IsServed(linear, x) && addend.dtype() == x.dtype() &&
         addend.shape() == WithLast(x.shape(), linear.outputs());
}

Array ApplyOnto(const Array& addend, const Linear& linear, const Array& x) {
  std::vector<Array> inputs = {x, addend};
  std::vector<WeightSpec> specs;
  AppendLinear(linear, inputs, specs);
  const auto prepare = [spec = specs.front()](const std::vector<Array>& in, Array& out) -> Task {
    size_t next = 2;
    return OntoJob{.addend = Strided(in[1]),
                   .x = Strided(in[0]),
                   .weight = Take(spec, in, next),
                   .type = *FloatTypeOf(out.dtype()),
                   .y = BytesOf(out)};
  };
  return CpuOp("IngotApplyOnto", addend.shape(), addend.dtype(), std::move(inputs), prepare, 2);
}

bool ServesMlp(const MlpWeights& mlp, const Array& x, const std::optional<NormWeights>& norm) {
  return IsNormed(x, norm) && IsServed(*mlp.up, x) && IsServed(*mlp.down, x) &&
         (!norm || mlp.down->outputs() == x.shape(-1)) &&
         (mlp.gate == nullptr || (IsServed(*mlp.gate, x) && HasFormatOf(*mlp.gate, *mlp.up)));
}

Array ApplyMlp(const MlpWeights& mlp, const Array& x, const std::optional<NormWeights>& norm,
               bool onto) {
  std::vector<Array> inputs = {x};
  if (norm) inputs.push_back(norm->weight);
  std::vector<WeightSpec> specs;
  AppendLinear(*mlp.up, inputs, specs);
  AppendLinear(*mlp.down, inputs, specs);
  if (mlp.gate != nullptr) AppendLinear(*mlp.gate, inputs, specs);
  const std::optional<float> eps = norm ? std::optional(norm->eps) : std::nullopt;
  const auto prepare = [specs, eps, onto, activation = mlp.activation](const std::vector<Array>& in,
                                                                       Array& out) -> Task {
    size_t next = eps ? 2 : 1;
    BoundWeight up = Take(specs[0], in, next);
    BoundWeight down = Take(specs[1], in, next);
    std::optional<BoundWeight> gate;
    if (specs.size() > 2) gate = Take(specs[2], in, next);
    return MlpJob{.source = SourceOf(in, eps),
                  .gate = std::move(gate),
                  .up = std::move(up),
                  .down = std::move(down),
                  .activation = activation,
                  .onto = onto,
                  .y = BytesOf(out)};
  };
  return CpuOp("IngotMlp", WithLast(x.shape(), mlp.down->outputs()), x.dtype(), std::move(inputs),
               prepare, 1);
}

}  // namespace ingot::ops::cpu
