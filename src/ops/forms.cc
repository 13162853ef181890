#include "ops/forms.h"

#include <array>
#include <exception>

#include "core/strings.h"

namespace ingot::ops {
namespace {

using gpu::BackEnd;

constexpr FormCell kMlx = {Means::kMlx, 0};
constexpr FormCell kOwn = {Means::kOwn, 0};
// A lane of a warp keeps a 32nd of a row of the state in registers: 16 floats.
constexpr FormCell kOwnState = {Means::kOwn, 512};
constexpr FormCell kOwnTaps = {Means::kOwn, 32};

constexpr std::array kTable = {
    // form, name, CPU, CUDA, Metal
    FormRow{Form::kDense, "products with dense weights", kOwn, kMlx, kMlx},
    FormRow{Form::kAffine, "products with affine codes", kOwn, kMlx, kMlx},
    FormRow{Form::kFloatCodes, "products with codes that are floats", kOwn, kMlx, kMlx},
    FormRow{Form::kRowwise, "norms, rotary positions and activations", kOwn, kMlx, kMlx},
    FormRow{Form::kAttention, "attention", kOwn, kOwn, kOwn},
    FormRow{Form::kCausalConv, "causal convolutions", kOwn, kOwnTaps, kOwnTaps},
    FormRow{Form::kGatedDelta, "the gated delta rule", kOwn, kOwnState, kOwnState},
    FormRow{Form::kSelectiveScan, "the selective scan", kOwn, kOwnState, kOwnState},
    FormRow{Form::kRouter, "routers", kMlx, kOwn, kOwn},
    FormRow{Form::kDraw, "draws of tokens", kMlx, kOwn, kOwn},
};

}  // namespace

std::span<const FormRow> FormTable() { return kTable; }

FormCell CellOf(Form form, BackEnd back_end) {
  for (const FormRow& row : kTable) {
    if (row.form != form) continue;
    return back_end == BackEnd::kCpu ? row.cpu : back_end == BackEnd::kCuda ? row.cuda : row.metal;
  }
  return {};
}

std::string_view BackEndName(BackEnd back_end) {
  constexpr std::array<std::string_view, 3> kNames = {"the CPU", "CUDA", "Metal"};
  return kNames[static_cast<size_t>(back_end)];
}

core::Status RequireForm(Form form, int width, BackEnd back_end) {
  const FormCell cell = CellOf(form, back_end);
  std::string_view name = "an operation";
  for (const FormRow& row : kTable) {
    if (row.form == form) name = row.name;
  }
  if (cell.means == Means::kMissing) {
    return core::Unsupported(
               core::StrCat("there is no form of ", name, " for ", BackEndName(back_end)))
        .WithHint("Run it with a build for the CPU.");
  }
  if (cell.widest > 0 && width > cell.widest) {
    return core::Unsupported(core::StrCat("the form of ", name, " for ", BackEndName(back_end),
                                          " takes widths up to ", cell.widest, ", and this is ",
                                          width))
        .WithHint("Run it with a build for the CPU.");
  }
  return core::Status::Ok();
}

core::Status RequireForm(Form form, int width) {
  return RequireForm(form, width, gpu::BackEndInUse());
}

core::Status RequireDevice(std::string_view built_for, bool has_gpu) {
  if (built_for == "cpu" || has_gpu) return core::Status::Ok();
  return core::Unsupported(core::StrCat("this build is for ", built_for,
                                        ", and MLX finds no GPU that it can use"))
      .WithHint("Run `ingot doctor`, or use a build for the CPU.");
}

core::Status RequireDevice() {
  try {
    return RequireDevice(INGOT_MLX_KIND, gpu::HasDevice());
  } catch (const std::exception& error) {
    return core::Internal(core::StrCat("MLX could not start: ", error.what()));
  }
}

Form FormOf(const quant::Format& format) {
  return quant::InfoOf(format.mode).scales == quant::ScaleKind::kFloat ? Form::kAffine
                                                                       : Form::kFloatCodes;
}

}  // namespace ingot::ops
