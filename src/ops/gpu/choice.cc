#include "ops/gpu/choice.h"

#include <string_view>

#include "ops/array.h"
#include "ops/cpu/choice.h"

namespace ingot::ops::gpu {
namespace {

constexpr std::string_view kBuiltFor = INGOT_MLX_KIND;

}  // namespace

BackEnd BackEndInUse() {
  if (mx::default_device() == mx::Device::cpu) return BackEnd::kCpu;
  return kBuiltFor == "metal" ? BackEnd::kMetal : BackEnd::kCuda;
}

bool HasDevice() {
  return BackEndInUse() != BackEnd::kCpu && mx::is_available(mx::default_device());
}

bool KernelsInUse() { return BackEndInUse() != BackEnd::kCpu && !cpu::PlainFormsWanted(); }

}  // namespace ingot::ops::gpu
