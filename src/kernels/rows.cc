#include "kernels/rows.h"

#include "core/cpu.h"
#include "kernels/form.h"

namespace ingot::kernels {

const RowForm& RowsHere() {
  static const RowForm& rows = FormFor(core::ActiveIsa(), Matrix{}, FloatType::kF32).rows;
  return rows;
}

}  // namespace ingot::kernels
