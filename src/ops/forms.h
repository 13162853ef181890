// What computes each operation on each back end, as a table: MLX's own, a kernel of ours, or
// nothing. Models ask it while they load, so that what a device cannot compute is an error then and
// there, naming the tensor, and never a detour over the CPU.
//
// Pure functions; any thread.
#ifndef INGOT_OPS_FORMS_H_
#define INGOT_OPS_FORMS_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "core/status.h"
#include "ops/gpu/choice.h"
#include "ops/linear.h"

namespace ingot::ops {

enum class Form : uint8_t {
  kDense,          // products with dense weights, and stacks of them
  kAffine,         // products with packed weights that have zero points
  kFloatCodes,     // and with those whose codes are small floats
  kRowwise,        // norms, rotary positions, activations
  kAttention,      // of any width
  kCausalConv,     // width: taps
  kGatedDelta,     // width: of a head's keys
  kSelectiveScan,  // width: of a head's state
  kRouter,
  kDraw,
};

enum class Means : uint8_t { kMissing, kMlx, kOwn };

struct FormCell {
  Means means = Means::kMissing;
  int widest = 0;  // 0: no limit
};
struct FormRow {
  Form form;
  std::string_view name;
  FormCell cpu;
  FormCell cuda;
  FormCell metal;
};
std::span<const FormRow> FormTable();

FormCell CellOf(Form form, gpu::BackEnd back_end);
std::string_view BackEndName(gpu::BackEnd back_end);

// OK, or which operation the back end lacks. width: see the forms; 0 where it does not matter.
core::Status RequireForm(Form form, int width, gpu::BackEnd back_end);
// Of the device in use.
core::Status RequireForm(Form form, int width = 0);
// OK, or that a build for GPUs found none: it does not fall back to the CPU unasked.
core::Status RequireDevice(std::string_view built_for, bool has_gpu);
core::Status RequireDevice();

Form FormOf(const quant::Format& format);

}  // namespace ingot::ops

#endif  // INGOT_OPS_FORMS_H_
