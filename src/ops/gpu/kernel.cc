#include "ops/gpu/kernel.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/strings.h"
#include "ops/gpu/choice.h"

namespace ingot::ops::gpu {
namespace {

// FNV-1a: a name for a text, no more.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

struct TypeName {
  mx::Dtype type;
  const char* suffix;
};
const std::array kTypeNames = {
    TypeName{mx::float32, "f32"}, TypeName{mx::float16, "f16"}, TypeName{mx::bfloat16, "bf16"},
    TypeName{mx::uint32, "u32"},  TypeName{mx::int32, "i32"},
};

// Of inputs and outputs: "_f32_bf16".
std::string TypesOf(const KernelCall& call) {
  std::string types;
  const auto add = [&](mx::Dtype type) { (types += '_') += TypeSuffix(type); };
  for (const Array& input : call.inputs) add(input.dtype());
  for (const mx::Dtype type : call.types) add(type);
  return types;
}

using Function = mx::fast::CustomKernelFunction;

Function Compile(const KernelCall& call, Language language) {
  const KernelText& text = *call.text;
  const std::string name = KernelName(call, language);
  const std::string body = Spell(language, text.body);
  if (language == Language::kMetal) {
    return mx::fast::metal_kernel(name, text.inputs, text.outputs, body, Helpers(language),
                                  /*ensure_row_contiguous=*/!text.strided);
  }
  return mx::fast::cuda_kernel(name, text.inputs, text.outputs, body, Helpers(language),
                               /*ensure_row_contiguous=*/!text.strided);
}

// Spelling a text takes longer than many a kernel runs, and every layer of every step asks for the
// same few: they are kept, by text and types, by the thread that builds graphs.
const Function& CompiledOnce(const KernelCall& call, Language language) {
  using Key = std::pair<const KernelText*, std::string>;
  thread_local std::map<Key, Function> known;
  Key key(call.text, TypesOf(call));
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  return known.emplace(std::move(key), Compile(call, language)).first->second;
}

}  // namespace

const char* TypeSuffix(mx::Dtype type) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.type == type) return entry.suffix;
  }
  return "other";
}

std::string KernelName(const KernelCall& call, Language language) {
  std::string name = core::StrCat("ingot_", call.text->name, TypesOf(call));
  const uint64_t hash = HashOf(Spell(language, call.text->body) + Helpers(language));
  constexpr std::string_view kDigits = "0123456789abcdef";
  name += "_";
  for (int shift = 28; shift >= 0; shift -= 4) name += kDigits[(hash >> shift) & 15];
  return name;
}

std::vector<Array> LaunchOnDevice(const KernelCall& call) {
  const Language language = BackEndInUse() == BackEnd::kMetal ? Language::kMetal : Language::kCuda;
  const auto [gx, gy, gz] = call.groups;
  const auto [tx, ty] = call.threads;
  // MLX counts the grid in threads.
  return CompiledOnce(call, language)(
      call.inputs, call.shapes, call.types, std::make_tuple(gx * tx, gy * ty, gz),
      std::make_tuple(tx, ty, 1), call.constants, std::nullopt, false, {});
}

}  // namespace ingot::ops::gpu
