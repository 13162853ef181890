#include "tests/ops/gpu/whole_source.h"

#include <array>
#include <variant>

#include "core/strings.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using ops::gpu::Language;

struct TypeRow {
  mx::Dtype type;
  const char* cuda;
  const char* metal;
};
const std::array kTypes = {
    TypeRow{mx::float32, "float", "float"},
    TypeRow{mx::float16, "__half", "float16_t"},
    TypeRow{mx::bfloat16, "__nv_bfloat16", "bfloat16_t"},
    TypeRow{mx::uint32, "uint32_t", "uint32_t"},
    TypeRow{mx::int32, "int32_t", "int32_t"},
};

const TypeRow& RowOf(mx::Dtype type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return row;
  }
  return kTypes[0];
}

std::string ValueText(const mx::fast::TemplateArg& value) {
  if (const int* number = std::get_if<int>(&value)) return StrCat(*number);
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return RowOf(std::get<mx::Dtype>(value)).cuda;
}

}  // namespace

const char* CudaType(mx::Dtype type) { return RowOf(type).cuda; }

std::string FullName(const KernelCall& call) {
  std::string name = StrCat("custom_kernel_", KernelName(call, Language::kCuda));
  for (const auto& [constant, value] : call.constants) {
    if (const int* number = std::get_if<int>(&value)) {
      name += StrCat("_", *number);
    } else if (const bool* flag = std::get_if<bool>(&value)) {
      name += *flag ? "_t" : "_f";
    } else {
      name += StrCat("_", ops::gpu::TypeSuffix(std::get<mx::Dtype>(value)));
    }
  }
  return name;
}

Extras ExtrasOf(const KernelCall& call, size_t input) {
  const std::string body = call.text->body;
  const std::string& name = call.text->inputs[input];
  return {.shape = body.find(name + "_shape") != std::string::npos,
          .strides = body.find(name + "_strides") != std::string::npos};
}

std::string CudaFunction(const KernelCall& call) {
  const ops::gpu::KernelText& text = *call.text;
  std::vector<std::string> parameters;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const std::string& name = text.inputs[i];
    const Extras extras = ExtrasOf(call, i);
    parameters.push_back(StrCat("const ", CudaType(call.inputs[i].dtype()), "* ", name));
    if (extras.shape)
      parameters.push_back(StrCat("const __grid_constant__ Shape ", name, "_shape"));
    if (extras.strides) {
      parameters.push_back(StrCat("const __grid_constant__ Strides ", name, "_strides"));
    }
  }
  for (size_t i = 0; i < call.types.size(); ++i) {
    parameters.push_back(StrCat(CudaType(call.types[i]), "* ", text.outputs[i]));
  }
  std::string constants;
  for (const auto& [name, value] : call.constants) {
    if (std::holds_alternative<int>(value)) {
      constants += StrCat("  constexpr int ", name, " = ", ValueText(value), ";\n");
    } else if (std::holds_alternative<bool>(value)) {
      constants += StrCat("  constexpr bool ", name, " = ", ValueText(value), ";\n");
    } else {
      constants += StrCat("  using ", name, " = ", ValueText(value), ";\n");
    }
  }
  return StrCat("namespace mlx::core::cu {\n__global__ void ", FullName(call), "(\n    ",
                core::Join(parameters, ",\n    "), ") {\n", constants,
                Spell(Language::kCuda, text.body), "\n}\n}  // namespace mlx::core::cu\n");
}

std::string CudaHeader() {
  return StrCat(
      "#include \"mlx/backend/cuda/device/utils.cuh\"\n#include <cooperative_groups.h>\n"
      "#define inf cuda::std::numeric_limits<float>::infinity()\n",
      ops::gpu::Helpers(Language::kCuda));
}

std::string MetalSource(const KernelCall& call) {
  const ops::gpu::KernelText& text = *call.text;
  std::vector<std::string> constants;
  for (const auto& [name, value] : call.constants) {
    constants.push_back(StrCat(std::holds_alternative<int>(value)    ? "int "
                               : std::holds_alternative<bool>(value) ? "bool "
                                                                     : "typename ",
                               name));
  }
  return StrCat("// helpers\n", ops::gpu::Helpers(Language::kMetal), "\n// ", text.name,
                "\n// in: ", core::Join(text.inputs, ", "),
                "\n// out: ", core::Join(text.outputs, ", "),
                "\n// template: ", core::Join(constants, ", "), "\n{",
                Spell(Language::kMetal, text.body), "}\n");
}

}  // namespace ingot::testing
