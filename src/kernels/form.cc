#include "kernels/form.h"

#include <vector>

namespace ingot::kernels {
namespace {

const Form* const kForms[] = {
    &kPortableForm,
#if defined(__aarch64__)
    &kNeonForm,
#elif defined(__x86_64__)
    &kAvx2Form,
    &kAvx512Form,
    &kAvx512Bf16Form,
#endif
};

bool IsSupported(const Form& form) {
  return core::IsSupported(form.isa) &&
         (!form.bf16 || form.isa != core::Isa::kAvx512 || core::Cpu().avx512_bf16);
}

}  // namespace

std::span<const Form* const> SupportedForms() {
  static const std::vector<const Form*> forms = [] {
    std::vector<const Form*> found;
    for (const Form* form : kForms) {
      if (IsSupported(*form)) found.push_back(form);
    }
    return found;
  }();
  return forms;
}

const Form& FormFor(core::Isa isa, const Matrix& matrix, FloatType type) {
  const Form* best = &kPortableForm;
  for (const Form* form : SupportedForms()) {
    const bool takes = !form->bf16 || type == FloatType::kBF16;
    if (form->isa <= isa && takes && form->serves(matrix)) best = form;
  }
  return *best;
}

}  // namespace ingot::kernels
