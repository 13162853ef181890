#include "tests/ops/gpu/whole_source.h"

#include <array>
#include <variant>

#include "core/strings.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using ops::Array;
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

namespace {

// The constants as Metal's parameters of a template, and as the arguments for them.
std::string MetalParameters(const KernelCall& call) {
  std::vector<std::string> parameters;
  for (const auto& [name, value] : call.constants) {
    parameters.push_back(StrCat(std::holds_alternative<int>(value)    ? "int "
                                : std::holds_alternative<bool>(value) ? "bool "
                                                                      : "typename ",
                                name));
  }
  return core::Join(parameters, ", ");
}

std::string MetalArguments(const KernelCall& call) {
  std::vector<std::string> arguments;
  for (const auto& [name, value] : call.constants) {
    const auto* type = std::get_if<mx::Dtype>(&value);
    arguments.emplace_back(type != nullptr ? RowOf(*type).metal : ValueText(value));
  }
  return core::Join(arguments, ", ");
}

// Of an array with so many elements: few are in memory that never changes.
const char* MetalSpace(const Array& array) { return array.size() < 8 ? "constant" : "device"; }

}  // namespace

std::string MetalFunction(const KernelCall& call) {
  const ops::gpu::KernelText& text = *call.text;
  const std::string body = Spell(Language::kMetal, text.body);
  std::vector<std::string> parameters;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const std::string& name = text.inputs[i];
    const Extras extras = ExtrasOf(call, i);
    parameters.push_back(StrCat("const ", MetalSpace(call.inputs[i]), " ",
                                RowOf(call.inputs[i].dtype()).metal, "* ", name));
    if (extras.shape) parameters.push_back(StrCat("const constant int* ", name, "_shape"));
    if (extras.strides) parameters.push_back(StrCat("const constant int64_t* ", name, "_strides"));
  }
  for (size_t i = 0; i < call.types.size(); ++i) {
    parameters.push_back(StrCat("device ", RowOf(call.types[i]).metal, "* ", text.outputs[i]));
  }
  for (const char* place : {"thread_position_in_threadgroup", "threadgroup_position_in_grid"}) {
    if (body.find(place) != std::string::npos) parameters.push_back(StrCat("uint3 ", place));
  }
  const std::string name = FullName(call);
  const std::string one = StrCat(name, "<", MetalArguments(call), ">");
  return StrCat("template <", MetalParameters(call), ">\nkernel void ", name, "(\n    ",
                core::Join(parameters, ",\n    "), ") {\n", body, "\n}\ntemplate kernel decltype(",
                one, ") ", one, ";\n");
}

std::string MetalSource(const KernelCall& call) {
  const ops::gpu::KernelText& text = *call.text;
  return StrCat(
      "// helpers\n", ops::gpu::Helpers(Language::kMetal), "\n// ", text.name,
      "\n// in: ", core::Join(text.inputs, ", "), "\n// out: ", core::Join(text.outputs, ", "),
      "\n// template: ", MetalParameters(call), "\n{", Spell(Language::kMetal, text.body), "}\n");
}

}  // namespace ingot::testing
