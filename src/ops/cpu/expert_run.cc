#include "ops/cpu/expert_run.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/cpu.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "kernels/store.h"
#include "ops/cpu/bend.h"

namespace ingot::ops::cpu {
namespace {

using kernels::ExpertGroup;
using kernels::Segment;

BoundWeight Take(const WeightSpec& spec, const std::vector<Array>& inputs, size_t& next,
                 mx::Stream stream) {
  BoundWeight weight(spec, inputs, next, stream);
  next += CountOf(spec);
  return weight;
}

std::span<const uint32_t> Checked(std::span<const uint32_t> chosen, size_t experts) {
  for (const uint32_t expert : chosen) {
    if (expert >= experts) {
      throw std::out_of_range(core::StrCat("expert ", expert, " of ", experts));
    }
  }
  return chosen;
}

// Both halves of a row that holds gate and up, each by itself.
void Part(GateUp form, std::span<const float> joined, std::span<float> gate_row,
          std::span<float> up_row) {
  const size_t half = joined.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    gate_row[i] = form == GateUp::kInTurn ? joined[2 * i] : joined[i];
    up_row[i] = form == GateUp::kInTurn ? joined[2 * i + 1] : joined[half + i];
  }
}

}  // namespace

bool AreReadable(const ExpertMlp& mlp) {
  return (!mlp.gate || IsReadable(mlp.gate->weight, mlp.gate->bias)) &&
         IsReadable(mlp.up.weight, mlp.up.bias) && IsReadable(mlp.down.weight, mlp.down.bias);
}

ExpertSpecs SpecsOf(const ExpertMlp& mlp) {
  ExpertSpecs specs{.gate = {},
                    .up = SpecOf(mlp.up.weight, mlp.up.bias),
                    .down = SpecOf(mlp.down.weight, mlp.down.bias),
                    .form = mlp.form,
                    .activation = mlp.activation};
  if (mlp.gate) specs.gate = SpecOf(mlp.gate->weight, mlp.gate->bias);
  return specs;
}

void AppendExperts(const ExpertMlp& mlp, std::vector<Array>& inputs) {
  if (mlp.gate) AppendArrays(mlp.gate->weight, mlp.gate->bias, inputs);
  AppendArrays(mlp.up.weight, mlp.up.bias, inputs);
  AppendArrays(mlp.down.weight, mlp.down.bias, inputs);
}

BoundExperts::BoundExperts(const ExpertSpecs& specs, const std::vector<Array>& inputs, size_t& next,
                           mx::Stream stream)
    : form(specs.form),
      activation(specs.activation),
      gate(specs.gate ? std::optional(Take(*specs.gate, inputs, next, stream)) : std::nullopt),
      up(Take(specs.up, inputs, next, stream)),
      down(Take(specs.down, inputs, next, stream)) {}

ScratchRows::ScratchRows(size_t count, size_t row_width, quant::FloatType row_type)
    : type(row_type), width(row_width), memory(count * width * quant::SizeOf(type)), rows(count) {
  for (size_t r = 0; r < count; ++r) rows[r] = memory.data() + r * width * quant::SizeOf(type);
}

ExpertRun::ExpertRun(const BoundExperts& experts, std::span<const uint32_t> chosen, size_t each,
                     std::span<const std::byte* const> x, FloatType type)
    : experts_(experts),
      each_(each),
      type_(type),
      order_(Checked(chosen, experts.up.stack), experts.up.stack),
      from_(chosen.size()),
      inner_(chosen.size(), experts.down.whole.inputs, type),
      inner_rows_(inner_.Inputs()),
      results_(chosen.size(), experts.down.outputs, FloatType::kF32) {
  for (size_t place = 0; place < from_.size(); ++place) {
    from_[place] = x[order_.pair_at[place] / each];
  }
}

std::vector<Segment> ExpertRun::SegmentsOf(const BoundWeight& weight) const {
  std::vector<Segment> segments;
  segments.reserve(order_.groups.size());
  for (const ExpertGroup& group : order_.groups) {
    segments.push_back({.matrix = weight.MatrixOf(group.expert),
                        .factor = weight.FactorOf(group.expert),
                        .bias = weight.BiasOf(group.expert),
                        .first_row = group.first,
                        .rows = group.count});
  }
  return segments;
}

bool ExpertRun::IsGatedAtOnce() const {
  const BoundWeight& up = experts_.up;
  if (experts_.form == GateUp::kJoined) return up.outputs % 2 == 0;
  if (experts_.form == GateUp::kInTurn) return false;
  if (!experts_.gate) return true;
  const BoundWeight& gate = *experts_.gate;
  return gate.whole.layout == up.whole.layout && gate.whole.type == up.whole.type &&
         gate.whole.format == up.whole.format && gate.outputs == up.outputs &&
         gate.whole.inputs == up.whole.inputs &&
         (gate.whole.biases == nullptr) == (up.whole.biases == nullptr) &&
         (gate.bias == nullptr || up.bias == nullptr || gate.bias_type == up.bias_type);
}

std::vector<Segment> ExpertRun::GatedSegments() const {
  const BoundWeight& up = experts_.up;
  std::vector<Segment> segments = SegmentsOf(up);
  for (size_t i = 0; i < segments.size(); ++i) {
    Segment& segment = segments[i];
    const size_t expert = order_.groups[i].expert;
    if (experts_.form == GateUp::kJoined) {
      const size_t half = up.outputs / 2;
      segment.gate = {up.PartOf(expert, 0, half), segment.factor, segment.bias};
      segment.matrix = up.PartOf(expert, half, half);
      if (segment.bias != nullptr) segment.bias += half * quant::SizeOf(up.bias_type);
    } else if (experts_.gate) {
      const BoundWeight& gate = *experts_.gate;
      segment.gate = {gate.MatrixOf(expert), gate.FactorOf(expert), gate.BiasOf(expert)};
    }
  }
  return segments;
}

void ExpertRun::ComputeInner() {
  if (from_.empty()) return;
  if (!IsGatedAtOnce()) {
    const size_t pairs = from_.size();
    const ScratchRows above(pairs, experts_.up.outputs, FloatType::kF32);
    Project(experts_.up, above);
    std::optional<ScratchRows> gates;
    if (experts_.gate) {
      gates.emplace(pairs, experts_.gate->outputs, FloatType::kF32);
      Project(*experts_.gate, *gates);
    }
    return Activate(above, gates);
  }
  const std::vector<Segment> segments = GatedSegments();
  const auto bend = [&](std::span<const float> gates, std::span<float> ups) {
    BendRow(experts_.activation, gates, ups, ups);
  };
  const kernels::Gating gating(bend);
  kernels::Compute(
      PlanProduct(segments.front().matrix, type_, core::ActiveIsa()),
      {.segments = segments,
       .type = type_,
       .result_type = type_,
       .bias_type = experts_.up.bias != nullptr || !experts_.gate ? experts_.up.bias_type
                                                                  : experts_.gate->bias_type,
       .x = from_,
       .y = inner_.rows,
       .gating = &gating},
      core::ThreadPool::Shared());
}

void ExpertRun::Project(const BoundWeight& weight, const ScratchRows& to) const {
  const std::vector<Segment> segments = SegmentsOf(weight);
  kernels::Compute(PlanProduct(segments.front().matrix, type_, core::ActiveIsa()),
                   {.segments = segments,
                    .type = type_,
                    .result_type = to.type,
                    .bias_type = weight.bias_type,
                    .x = from_,
                    .y = to.rows},
                   core::ThreadPool::Shared());
}

void ExpertRun::Activate(const ScratchRows& above, const std::optional<ScratchRows>& gates) {
  const size_t width = inner_.width;
  constexpr size_t kRowsEach = 4;
  core::ThreadPool::Shared().ParallelFor(
      above.rows.size(), kRowsEach, [&](size_t begin, size_t end) {
        const kernels::Scratch scratch(3 * width * sizeof(float));
        const std::span<float> room(reinterpret_cast<float*>(scratch.data()), 3 * width);
        const std::span<float> out = room.subspan(2 * width);
        for (size_t r = begin; r < end; ++r) {
          std::span<const float> gate;
          std::span<const float> up = above.Floats(r);
          if (experts_.form != GateUp::kApart) {
            Part(experts_.form, up, room.first(width), room.subspan(width, width));
            gate = room.first(width);
            up = room.subspan(width, width);
          } else if (gates) {
            gate = gates->Floats(r);
          }
          BendRow(experts_.activation, gate, up, out);
          kernels::StoreFloats(inner_.type, out, inner_.rows[r]);
        }
      });
}

kernels::PlannedProduct ExpertRun::Down() {
  down_ = SegmentsOf(experts_.down);
  // Of no rows nothing is read, but a plan wants a matrix.
  const kernels::Matrix first = down_.empty() ? experts_.down.MatrixOf(0) : down_.front().matrix;
  return {PlanProduct(first, type_, core::ActiveIsa()),
          {.segments = down_,
           .type = type_,
           .result_type = FloatType::kF32,
           .bias_type = experts_.down.bias_type,
           .x = inner_rows_,
           .y = results_.rows}};
}

}  // namespace ingot::ops::cpu
