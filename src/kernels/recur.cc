#include "kernels/recur.h"

#include "kernels/form.h"

namespace ingot::kernels {

const RecurForm& RecurFor(core::Isa isa) { return FormFor(isa, Matrix{}, FloatType::kF32).recur; }

const RecurForm& RecurHere() {
  static const RecurForm& recur = RecurFor(core::ActiveIsa());
  return recur;
}

}  // namespace ingot::kernels
