#include "kernels/recur.h"

#include "core/cpu.h"
#include "kernels/form.h"

namespace ingot::kernels {

const RecurForm& RecurHere() {
  static const RecurForm& recur = FormFor(core::ActiveIsa(), Matrix{}, FloatType::kF32).recur;
  return recur;
}

}  // namespace ingot::kernels
