#include "import/foreign.h"

#include <algorithm>
#include <vector>

#include "core/strings.h"

namespace ingot::import {
namespace {

using core::Json;
using core::Quoted;
using core::StrCat;

struct Mark {
  std::string_view text;
  bool at_end = true;  // or anywhere in the name
};

struct ForeignFormat {
  std::string_view name;
  std::string_view method;  // "quant_method" that tells it from others with the same marks
  Mark mark;                // a tensor's name that only such a checkpoint has
};

// The first row whose mark some tensor carries and whose method, if it has one, is declared.
constexpr ForeignFormat kFormats[] = {
    {"AWQ", "awq", {".qweight"}},
    {"GPTQ", "", {".qweight"}},
    {"bitsandbytes", "", {".quant_state.bitsandbytes__", false}},
    {"bitsandbytes", "", {".absmax"}},
    {"bitsandbytes (8 bit)", "", {".SCB"}},
    {"HQQ", "", {".W_q"}},
    {"AQLM", "", {".codebooks"}},
};

constexpr std::string_view kHint =
    "import the checkpoint that it was made from, and choose a type with -q";

bool Carries(std::string_view name, const Mark& mark) {
  return mark.at_end ? name.ends_with(mark.text) : name.find(mark.text) != std::string_view::npos;
}

const Json* Get(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

std::string TextOf(const Json* object, std::string_view key) {
  const Json* value = object == nullptr ? nullptr : Get(*object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// "quant_method" of the first block that has one.
std::string Method(const Inventory& inventory) {
  for (const Json* level : {&inventory.config, Get(inventory.config, "text_config")}) {
    if (level == nullptr) continue;
    for (std::string_view block : {"quantization", "quantization_config", "compression_config"}) {
      std::string method = TextOf(Get(*level, block), "quant_method");
      if (!method.empty()) return method;
    }
  }
  return "";
}

core::Status Refuse(std::string_view format, std::string_view tensor) {
  return core::Unsupported(StrCat("the weights are in the format of ", format,
                                  ", which cannot be imported: see the tensor ", Quoted(tensor)))
      .WithHint(kHint);
}

}  // namespace

std::string DeclaredMethod(const Inventory& inventory) {
  if (const std::string method = Method(inventory); !method.empty()) {
    return StrCat("config.json says quant_method ", Quoted(method, 60));
  }
  const Json* quantization = Get(inventory.hf_quant_config, "quantization");
  const std::string algorithm = TextOf(quantization, "quant_algo");
  return algorithm.empty() ? ""
                           : StrCat("hf_quant_config.json says quant_algo ", Quoted(algorithm, 60));
}

core::Status RefuseForeignFormats(const Inventory& inventory) {
  const std::string method = core::ToLower(Method(inventory));
  for (const ForeignFormat& format : kFormats) {
    if (!format.method.empty() && format.method != method) continue;
    const auto it = std::ranges::find_if(inventory.tensors, [&](const SourceTensor& tensor) {
      return Carries(tensor.name, format.mark);
    });
    if (it != inventory.tensors.end()) return Refuse(format.name, it->name);
  }
  const auto packed = std::ranges::find_if(inventory.tensors, [](const SourceTensor& tensor) {
    return tensor.dtype == tensor::DType::kI32 && tensor.name.ends_with(".weight_packed");
  });
  if (packed != inventory.tensors.end()) {
    return Refuse("compressed-tensors' packed integers (pack-quantized)", packed->name);
  }
  return core::Status::Ok();
}

}  // namespace ingot::import
