#include "ops/cpu/experts.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/cpu.h"
#include "core/strings.h"
#include "kernels/expert_groups.h"
#include "kernels/product.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/bend.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/weight_arrays.h"

namespace ingot::ops::cpu {
namespace {

using kernels::ExpertGroup;
using kernels::ExpertGroups;
using kernels::Scratch;
using kernels::Segment;
using kernels::StoreFloats;

struct MlpSpec {
  std::optional<WeightSpec> gate;
  WeightSpec up;
  WeightSpec down;
  GateUp form = GateUp::kApart;
  MlpActivation activation;
};

// [count, width] numbers of one type in scratch memory.
struct Table {
  Table(size_t row_count, size_t row_width, FloatType row_type)
      : type(row_type),
        width(row_width),
        memory(row_count * width * quant::SizeOf(type)),
        rows(row_count) {
    for (size_t r = 0; r < row_count; ++r) {
      rows[r] = memory.data() + r * width * quant::SizeOf(type);
    }
  }
  std::span<const float> Floats(size_t row) const {
    return {reinterpret_cast<const float*>(rows[row]), width};
  }
  std::vector<const std::byte*> Inputs() const { return {rows.begin(), rows.end()}; }

  FloatType type;
  size_t width;
  Scratch memory;
  std::vector<std::byte*> rows;
};

struct Job {
  MlpSpec spec;
  Strided x;
  FloatType type;
  const uint32_t* chosen;  // [rows, each]
  const float* shares;     // [rows, each]
  size_t each;
  std::optional<BoundWeight> gate;
  BoundWeight up;
  BoundWeight down;
  std::byte* y;

  void operator()() const {
    const std::vector<const std::byte*> x_rows = x.Rows();
    const size_t pairs = x_rows.size() * each;
    for (size_t pair = 0; pair < pairs; ++pair) {
      if (chosen[pair] >= up.stack) {
        throw std::out_of_range(core::StrCat("expert ", chosen[pair], " of ", up.stack));
      }
    }
    const ExpertGroups order({chosen, pairs}, up.stack);
    std::vector<const std::byte*> from(pairs);
    for (size_t place = 0; place < pairs; ++place)
      from[place] = x_rows[order.pair_at[place] / each];

    const Table above(pairs, up.outputs, FloatType::kF32);
    Project(up, order, from, above);
    std::optional<Table> gates;
    if (gate) {
      gates.emplace(pairs, gate->outputs, FloatType::kF32);
      Project(*gate, order, from, *gates);
    }
    const Table inner(pairs, down.whole.inputs, type);
    Activate(above, gates, inner);
    const Table results(pairs, down.outputs, FloatType::kF32);
    Project(down, order, inner.Inputs(), results);
    Collect(order, results, x_rows.size());
  }

 private:
  void Project(const BoundWeight& weight, const ExpertGroups& order,
               const std::vector<const std::byte*>& from, const Table& to) const {
    std::vector<Segment> segments;
    for (const ExpertGroup& group : order.groups) {
      segments.push_back({.matrix = weight.MatrixOf(group.expert),
                          .factor = weight.FactorOf(group.expert),
                          .bias = weight.BiasOf(group.expert),
                          .first_row = group.first,
                          .rows = group.count});
    }
    if (segments.empty()) return;
    kernels::Compute(PlanProduct(segments.front().matrix, type, core::ActiveIsa()),
                     {.segments = segments,
                      .type = type,
                      .result_type = to.type,
                      .bias_type = weight.bias_type,
                      .x = from,
                      .y = to.rows},
                     core::ThreadPool::Shared());
  }

  // Both halves of a row that holds gate and up, each by itself.
  static void Part(GateUp form, std::span<const float> joined, std::vector<float>& gate_row,
                   std::vector<float>& up_row) {
    const size_t half = joined.size() / 2;
    for (size_t i = 0; i < half; ++i) {
      gate_row[i] = form == GateUp::kInTurn ? joined[2 * i] : joined[i];
      up_row[i] = form == GateUp::kInTurn ? joined[2 * i + 1] : joined[half + i];
    }
  }

  void Activate(const Table& above, const std::optional<Table>& gates, const Table& inner) const {
    const size_t width = inner.width;
    constexpr size_t kRowsEach = 4;
    core::ThreadPool::Shared().ParallelFor(above.rows.size(), kRowsEach,
                                           [&](size_t begin, size_t end) {
                                             std::vector<float> gate_row(width);
                                             std::vector<float> up_row(width);
                                             std::vector<float> out(width);
                                             for (size_t r = begin; r < end; ++r) {
                                               std::span<const float> g;
                                               std::span<const float> u = above.Floats(r);
                                               if (spec.form != GateUp::kApart) {
                                                 Part(spec.form, u, gate_row, up_row);
                                                 g = gate_row;
                                                 u = up_row;
                                               } else if (gates) {
                                                 g = gates->Floats(r);
                                               }
                                               BendRow(spec.activation, g, u, out);
                                               StoreFloats(inner.type, out, inner.rows[r]);
                                             }
                                           });
  }

  void Collect(const ExpertGroups& order, const Table& results, size_t count) const {
    constexpr size_t kRowsEach = 4;
    const size_t width = results.width;
    core::ThreadPool::Shared().ParallelFor(count, kRowsEach, [&](size_t begin, size_t end) {
      std::vector<float> sum(width);
      for (size_t r = begin; r < end; ++r) {
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (size_t i = 0; i < each; ++i) {
          const float share = shares[r * each + i];
          const std::span<const float> part = results.Floats(order.place_of[r * each + i]);
          for (size_t n = 0; n < width; ++n) sum[n] += share * part[n];
        }
        StoreFloats(type, sum, y + r * width * quant::SizeOf(type));
      }
    });
  }
};

}  // namespace

bool Serves(const ExpertMlp& mlp, const Array& x, const Routing& routing) {
  return KernelsInUse() && FloatTypeOf(x.dtype()) && routing.experts.dtype() == mx::uint32 &&
         routing.weights.dtype() == mx::float32 &&
         (!mlp.gate || IsReadable(mlp.gate->weight, mlp.gate->bias)) &&
         IsReadable(mlp.up.weight, mlp.up.bias) && IsReadable(mlp.down.weight, mlp.down.bias);
}

Array ApplyExperts(const ExpertMlp& mlp, const Array& x, const Routing& routing) {
  MlpSpec spec{.gate = {},
               .up = SpecOf(mlp.up.weight, mlp.up.bias),
               .down = SpecOf(mlp.down.weight, mlp.down.bias),
               .form = mlp.form,
               .activation = mlp.activation};
  // Rows in one piece: a slice or a transposed array costs one more operation, others none to speak
  // of.
  constexpr size_t kWeightsFrom = 3;
  std::vector<Array> inputs = {mx::contiguous(x), mx::contiguous(routing.experts),
                               mx::contiguous(routing.weights)};
  if (mlp.gate) {
    spec.gate = SpecOf(mlp.gate->weight, mlp.gate->bias);
    AppendArrays(mlp.gate->weight, mlp.gate->bias, inputs);
  }
  AppendArrays(mlp.up.weight, mlp.up.bias, inputs);
  AppendArrays(mlp.down.weight, mlp.down.bias, inputs);
  const auto prepare = [spec = std::move(spec)](const std::vector<Array>& in, Array& out) -> Task {
    const mx::Stream stream = mx::default_stream(mx::Device::cpu);
    size_t next = kWeightsFrom;
    std::optional<BoundWeight> gate;
    if (spec.gate) {
      gate.emplace(*spec.gate, in, next, stream);
      next += CountOf(*spec.gate);
    }
    BoundWeight up(spec.up, in, next, stream);
    next += CountOf(spec.up);
    return Job{.spec = spec,
               .x = Strided(in[0]),
               .type = *FloatTypeOf(out.dtype()),
               .chosen = in[1].data<uint32_t>(),
               .shares = in[2].data<float>(),
               .each = static_cast<size_t>(in[1].shape(1)),
               .gate = std::move(gate),
               .up = std::move(up),
               .down = BoundWeight(spec.down, in, next, stream),
               .y = BytesOf(out)};
  };
  return CpuOp("IngotExperts", x.shape(), x.dtype(), std::move(inputs), prepare, kWeightsFrom);
}

}  // namespace ingot::ops::cpu
