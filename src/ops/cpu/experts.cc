#include "ops/cpu/experts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/expert_run.h"
#include "ops/cpu/row_norm.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

struct Job {
  BoundExperts experts;
  Strided x;
  std::optional<RowNorm> norm;
  FloatType type;
  const uint32_t* chosen;  // [rows, each]
  const float* shares;     // [rows, each]
  size_t each;
  std::byte* y;

  void operator()() const {
    const RowsOf rows(x);
    const size_t count = rows.size();
    const ScratchRows normed(norm ? count : 0, x.shape.back(), type);
    if (norm) norm->Apply(rows.all(), type, normed.memory.data(), core::ThreadPool::Shared());
    const std::vector<const std::byte*> from = norm ? normed.Inputs() : rows.all();
    ExpertRun run(experts, {chosen, count * each}, each, from, type);
    run.ComputeInner();
    const kernels::PlannedProduct down = run.Down();
    kernels::ComputeAll({&down, 1}, core::ThreadPool::Shared());
    Collect(run, count);
  }

 private:
  void Collect(const ExpertRun& run, size_t count) const {
    constexpr size_t kRowsEach = 4;
    const size_t width = experts.down.outputs;
    core::ThreadPool::Shared().ParallelFor(count, kRowsEach, [&](size_t begin, size_t end) {
      const kernels::Scratch scratch(width * sizeof(float));
      const std::span<float> sum(reinterpret_cast<float*>(scratch.data()), width);
      for (size_t r = begin; r < end; ++r) {
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (size_t i = 0; i < each; ++i) AddScaled(run.Result(r, i), shares[r * each + i], sum);
        kernels::StoreFloats(type, sum, y + r * width * quant::SizeOf(type));
      }
    });
  }
};

}  // namespace

bool Serves(const ExpertMlp& mlp, const Array& x, const Routing& routing,
            const std::optional<NormWeights>& norm) {
  return KernelsInUse() && FloatTypeOf(x.dtype()) && routing.experts.dtype() == mx::uint32 &&
         routing.weights.dtype() == mx::float32 && AreReadable(mlp) && IsRowNorm(norm, x);
}

Array ApplyExperts(const ExpertMlp& mlp, const Array& x, const Routing& routing,
                   const std::optional<NormWeights>& norm) {
  // Rows in one piece: a slice or a transposed array costs one more operation, others none to speak
  // of.
  std::vector<Array> inputs = {x, mx::contiguous(routing.experts), mx::contiguous(routing.weights)};
  const size_t weights_from = inputs.size();
  if (norm) inputs.push_back(norm->weight);
  AppendExperts(mlp, inputs);
  const std::optional<float> eps = norm ? std::optional(norm->eps) : std::nullopt;
  const auto prepare = [specs = SpecsOf(mlp), weights_from, eps](const std::vector<Array>& in,
                                                                 Array& out) -> Task {
    size_t next = weights_from;
    std::optional<RowNorm> row_norm;
    if (eps) row_norm = RowNormOf(in[next++], *eps);
    return Job{.experts = BoundExperts(specs, in, next, mx::default_stream(mx::Device::cpu)),
               .x = Strided(in[0]),
               .norm = row_norm,
               .type = *FloatTypeOf(out.dtype()),
               .chosen = in[1].data<uint32_t>(),
               .shares = in[2].data<float>(),
               .each = static_cast<size_t>(in[1].shape(1)),
               .y = BytesOf(out)};
  };
  return CpuOp("IngotExperts", x.shape(), x.dtype(), std::move(inputs), prepare, weights_from);
}

}  // namespace ingot::ops::cpu
