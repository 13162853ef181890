#include "quant/kernels.h"

#include <iterator>

namespace ingot::quant {
namespace {

const Kernels* const kForms[] = {
    &kPortableKernels,
#if defined(__aarch64__)
    &kNeonKernels,
#elif defined(__x86_64__)
    &kAvx2Kernels,
    &kAvx512Kernels,
#endif
};

}  // namespace

const Kernels& KernelsFor(core::Isa isa) {
  core::Isa isas[std::size(kForms)];
  for (size_t i = 0; i < std::size(kForms); ++i) isas[i] = kForms[i]->isa;
  const core::Isa best = core::BestFormFor(isa, isas);
  for (const Kernels* form : kForms) {
    if (form->isa == best) return *form;
  }
  return kPortableKernels;
}

}  // namespace ingot::quant
