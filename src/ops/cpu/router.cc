#include "ops/cpu/router.h"

#include <utility>
#include <vector>

#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/router_rows.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {

bool ServesRouter(const Array& logits, const RouterSpec& spec) {
  return KernelsInUse() && FloatTypeOf(logits.dtype()) && logits.ndim() == 2 &&
         AreSound(spec, logits.shape(1));
}

Routing Route(const Array& logits, const RouterSpec& spec) {
  std::vector<Array> inputs = {logits};
  const bool corrected = spec.correction.has_value();
  const bool scaled = spec.expert_scale.has_value();
  if (corrected) inputs.push_back(mx::contiguous(ToFloat32(*spec.correction)));
  if (scaled) inputs.push_back(mx::contiguous(ToFloat32(*spec.expert_scale)));
  const auto prepare = [rules = RouterRules(spec), corrected, scaled](
                           const std::vector<Array>& in, std::vector<Array>& out) -> Task {
    const RouterRun run{.rules = rules,
                        .all = static_cast<size_t>(in[0].shape(1)),
                        .type = *FloatTypeOf(in[0].dtype()),
                        .correction = corrected ? in[1].data<float>() : nullptr,
                        .expert_scale = scaled ? in.back().data<float>() : nullptr,
                        .experts = out[0].data<uint32_t>(),
                        .weights = out[1].data<float>()};
    return [run, logits = Strided(in[0])] { run(RowsOf(logits).all()); };
  };
  const mx::Shape shape = {logits.shape(0), spec.chosen};
  std::vector<Array> made = CpuOpOf("IngotRoute", {{shape, mx::uint32}, {shape, mx::float32}},
                                    std::move(inputs), prepare, 1);
  return {made[0], made[1]};
}

}  // namespace ingot::ops::cpu
