// A mixture's experts at work on rows, for the operations that they are part of: rows are grouped
// by expert, so each chosen expert's weights are read once, and the others' are not touched.
//
// Plain values, and runs of one thread that lets the pool's others help.
#ifndef INGOT_OPS_CPU_EXPERT_RUN_H_
#define INGOT_OPS_CPU_EXPERT_RUN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/expert_groups.h"
#include "kernels/product.h"
#include "kernels/scratch.h"
#include "ops/cpu/weight_arrays.h"
#include "ops/experts.h"

namespace ingot::ops::cpu {

struct ExpertSpecs {
  std::optional<WeightSpec> gate;
  WeightSpec up;
  WeightSpec down;
  GateUp form = GateUp::kApart;
  MlpActivation activation;
};

bool AreReadable(const ExpertMlp& mlp);
ExpertSpecs SpecsOf(const ExpertMlp& mlp);
void AppendExperts(const ExpertMlp& mlp, std::vector<Array>& inputs);

// What AppendExperts appended, from `next` on, which is moved beyond it.
struct BoundExperts {
  BoundExperts(const ExpertSpecs& specs, const std::vector<Array>& inputs, size_t& next,
               mx::Stream stream);

  GateUp form;
  MlpActivation activation;
  std::optional<BoundWeight> gate;
  BoundWeight up;
  BoundWeight down;
};

// Rows that operations keep for themselves: [count, width] numbers of one type.
struct ScratchRows {
  ScratchRows(size_t count, size_t row_width, quant::FloatType row_type);
  std::span<const float> Floats(size_t row) const {
    return {reinterpret_cast<const float*>(rows[row]), width};
  }
  std::vector<const std::byte*> Inputs() const { return {rows.begin(), rows.end()}; }

  quant::FloatType type;
  size_t width;
  kernels::Scratch memory;
  std::vector<std::byte*> rows;
};

class ExpertRun {
 public:
  // chosen [rows, each]: an expert that there is none of throws std::out_of_range. What is referred
  // to outlives the run.
  ExpertRun(const BoundExperts& experts, std::span<const uint32_t> chosen, size_t each,
            std::span<const std::byte* const> x, FloatType type);

  // Up to the activation, whose results are rounded to `type`.
  void ComputeInner();
  // What is left, which the caller computes, perhaps beside other products: into Result.
  kernels::PlannedProduct Down();
  // Of the row's i-th expert, in fp32.
  std::span<const float> Result(size_t row, size_t i) const {
    return results_.Floats(order_.place_of[row * each_ + i]);
  }

 private:
  std::vector<kernels::Segment> SegmentsOf(const BoundWeight& weight) const;
  void Project(const BoundWeight& weight, const ScratchRows& to) const;
  // Gate and up in one pass over the weights, where both are stored alike.
  bool IsGatedAtOnce() const;
  std::vector<kernels::Segment> GatedSegments() const;
  void Activate(const ScratchRows& above, const std::optional<ScratchRows>& gates);

  const BoundExperts& experts_;
  size_t each_;
  FloatType type_;
  kernels::ExpertGroups order_;
  std::vector<const std::byte*> from_;
  ScratchRows inner_;
  std::vector<const std::byte*> inner_rows_;
  ScratchRows results_;
  std::vector<kernels::Segment> down_;
};

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_EXPERT_RUN_H_
