#include "kernels/rows.h"

#include "kernels/form.h"

namespace ingot::kernels {

const RowForm& RowsFor(core::Isa isa) { return FormFor(isa, Matrix{}, FloatType::kF32).rows; }

const RowForm& RowsHere() {
  static const RowForm& rows = RowsFor(core::ActiveIsa());
  return rows;
}

}  // namespace ingot::kernels
