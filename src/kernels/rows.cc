#include "kernels/rows.h"

#include "kernels/form.h"

namespace ingot::kernels {

const RowForm& RowsFor(core::Isa isa) {
  const RowForm* best = &kPortableForm.rows;
  for (const Form* form : SupportedForms()) {
    if (form->isa <= isa && !form->bf16) best = &form->rows;
  }
  return *best;
}

const RowForm& RowsHere() {
  static const RowForm& rows = RowsFor(core::ActiveIsa());
  return rows;
}

}  // namespace ingot::kernels
