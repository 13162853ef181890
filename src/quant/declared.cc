#include "quant/declared.h"

#include <algorithm>
#include <array>

#include "core/strings.h"

namespace ingot::quant {
namespace {

using core::Json;
using core::Quoted;
using core::Status;
using core::StrCat;

// Keys that describe a module; any other key of an object leads to a module below it.
constexpr std::array<std::string_view, 4> kFields = {"bits", "group_size", "mode", "global_scale"};

constexpr size_t kMaxDepth = 32;  // of objects in objects, where each is a part of a path

bool IsField(std::string_view key) {
  return std::find(kFields.begin(), kFields.end(), key) != kFields.end();
}

bool DescribesAModule(const Json& object) {
  for (const auto& [key, value] : object.items()) {
    if (IsField(key) && !value.is_object()) return true;
  }
  return false;
}

Status Wrong(const std::string& path, std::string_view key, const Json& value,
             std::string_view expected) {
  const std::string where = path.empty() ? std::string(key) : StrCat(path, ".", key);
  return core::Corrupt(StrCat("config.json: the quantization of ", Quoted(where), " is a ",
                              value.type_name(), ", expected ", expected));
}

core::Result<std::optional<uint64_t>> Number(const Json& object, const std::string& path,
                                             const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return std::optional<uint64_t>();
  if (!it->is_number_unsigned()) return Wrong(path, key, *it, "a whole number");
  return std::optional(it->get<uint64_t>());
}

// nullopt where the object has no such fields.
core::Result<std::optional<Declaration>> ReadFields(const Json& object, const std::string& path) {
  if (!DescribesAModule(object)) return std::optional<Declaration>();
  Declaration declaration;
  Mode mode = Mode::kAffine;  // what a missing mode means
  if (const auto it = object.find("mode"); it != object.end() && !it->is_null()) {
    if (!it->is_string()) return Wrong(path, "mode", *it, "a string");
    const auto& name = it->get_ref<const std::string&>();
    const auto parsed = ParseMode(name);
    if (!parsed) {
      return core::Unsupported(StrCat("config.json: the quantization of ",
                                      path.empty() ? "the model" : Quoted(path), " has the mode ",
                                      Quoted(name), ", which is unknown"));
    }
    mode = *parsed;
  }
  INGOT_ASSIGN(const auto bits, Number(object, path, "bits"));
  INGOT_ASSIGN(const auto group_size, Number(object, path, "group_size"));
  const ModeInfo& info = InfoOf(mode);
  INGOT_ASSIGN(declaration.format, MakeFormat(mode, bits.value_or(info.default_bits),
                                              group_size.value_or(info.default_group_size))
                                       .Context(StrCat("config.json: the quantization of ",
                                                       path.empty() ? "the model" : Quoted(path))));
  if (const auto it = object.find("global_scale"); it != object.end() && !it->is_null()) {
    if (!it->is_boolean()) return Wrong(path, "global_scale", *it, "true or false");
    declaration.global_scale = it->get<bool>();
  }
  return std::optional(declaration);
}

// The block that counts, or nullptr.
core::Result<const Json*> FindBlock(const Json& config) {
  const Json* none = nullptr;
  for (const char* key : {"quantization", "quantization_config"}) {
    const auto it = config.find(key);
    if (it == config.end() || it->is_null()) continue;
    if (!it->is_object()) return Wrong("", key, *it, "an object");
    if (it->contains("quant_method")) continue;
    return &*it;
  }
  return none;
}

}  // namespace

core::Result<DeclaredQuantization> DeclaredQuantization::Parse(const Json& config) {
  DeclaredQuantization declared;
  if (!config.is_object()) return declared;
  INGOT_ASSIGN(const Json* block, FindBlock(config));
  if (block == nullptr) {
    const auto nested = config.find("text_config");
    if (nested == config.end() || !nested->is_object()) return declared;
    INGOT_ASSIGN(block, FindBlock(*nested));
    if (block == nullptr) return declared;
  }
  declared.present_ = true;
  INGOT_ASSIGN(declared.global_, ReadFields(*block, ""));
  INGOT_TRY(declared.ParseObject(*block, "", 0));
  return declared;
}

core::Status DeclaredQuantization::ParseObject(const Json& object, const std::string& path,
                                               size_t depth) {
  for (const auto& [key, value] : object.items()) INGOT_TRY(ParseMember(key, value, path, depth));
  return Status::Ok();
}

core::Status DeclaredQuantization::ParseMember(std::string_view key, const Json& value,
                                               const std::string& path, size_t depth) {
  if (value.is_null()) return Status::Ok();
  const std::string below = path.empty() ? std::string(key) : StrCat(path, ".", key);
  if (value.is_boolean() && !IsField(key)) {
    if (value.get<bool>()) {  // quantized as everything else
      return global_ ? Add(below, *global_) : Status::Ok();
    }
    return Add(below, Declaration{});
  }
  if (!value.is_object()) return Status::Ok();  // a field, or a remark such as "quant_type"
  if (depth >= kMaxDepth) {
    return core::Corrupt(StrCat("config.json: the quantization of ", Quoted(below),
                                " lies deeper than ", kMaxDepth, " objects"));
  }
  INGOT_ASSIGN(const auto declaration, ReadFields(value, below));
  if (declaration) INGOT_TRY(Add(below, *declaration));
  return ParseObject(value, below, depth + 1);
}

core::Status DeclaredQuantization::Add(const std::string& path, const Declaration& declaration) {
  if (overrides_.try_emplace(path, declaration).second) return Status::Ok();
  return core::Corrupt(
      StrCat("config.json: the quantization of ", Quoted(path), " is declared twice"));
}

const Declaration* DeclaredQuantization::Override(std::string_view path) const {
  const auto it = overrides_.find(path);
  return it == overrides_.end() ? nullptr : &it->second;
}

}  // namespace ingot::quant
