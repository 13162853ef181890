#include "model/quant_config.h"

#include <array>
#include <utility>

#include "core/strings.h"

namespace ingot::model {
namespace {

using core::Json;

constexpr int kMaxNesting = 16;

std::string_view StripPath(std::string_view path) {
  constexpr std::string_view kWeight = ".weight";
  if (path.ends_with(kWeight)) path.remove_suffix(kWeight.size());
  constexpr std::array<std::string_view, 2> kContainers = {"model.", "language_model."};
  for (bool stripped = true; stripped;) {
    stripped = false;
    for (const std::string_view container : kContainers) {
      if (path.starts_with(container)) {
        path.remove_prefix(container.size());
        stripped = true;
      }
    }
  }
  return path;
}

// The keys of a declaration; every other key of a block is a path component.
bool IsScalarKey(std::string_view key) {
  static constexpr std::array<std::string_view, 5> kKeys = {"bits", "group_size", "mode",
                                                            "global_scale", "quant_method"};
  for (const std::string_view known : kKeys) {
    if (key == known) return true;
  }
  return false;
}

std::optional<uint64_t> PositiveNumber(const Json& block, const char* key) {
  const auto found = block.find(key);
  if (found == block.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto value = found->get<uint64_t>();
  return value > 0 ? std::optional<uint64_t>(value) : std::nullopt;
}

bool MalformedNumber(const Json& block, const char* key) {
  const auto found = block.find(key);
  return found != block.end() && !found->is_null() && !PositiveNumber(block, key);
}

// nullopt when the block declares nothing, or nothing that makes sense (then with a warning).
std::optional<Declaration> ReadDeclaration(const Json& block, std::string_view where,
                                           std::vector<std::string>& warnings) {
  Declaration declaration;
  declaration.bits = PositiveNumber(block, "bits");
  declaration.group_size = PositiveNumber(block, "group_size");
  for (const char* key : {"bits", "group_size"}) {
    if (!MalformedNumber(block, key)) continue;
    warnings.push_back(core::StrCat("config.json: ", where, ": ", key,
                                    " is not a positive integer; the entry is ignored"));
    return std::nullopt;
  }
  const auto mode = block.find("mode");
  const bool has_mode = mode != block.end() && !mode->is_null();
  if (has_mode) {
    const std::optional<quant::Mode> parsed =
        mode->is_string() ? quant::ParseMode(mode->get_ref<const std::string&>()) : std::nullopt;
    if (!parsed) {
      warnings.push_back(core::StrCat("config.json: ", where, ": mode ",
                                      core::Printable(mode->dump(), 60),
                                      " is unknown; the entry is ignored"));
      return std::nullopt;
    }
    declaration.mode = *parsed;
  }
  if (!has_mode && !declaration.bits && !declaration.group_size) return std::nullopt;
  // Only the affine mode exists in several widths; the others say theirs by their name.
  const quant::ModeInfo& info = quant::InfoOf(declaration.mode);
  if (!declaration.bits && info.bits.size() == 1) declaration.bits = info.default_bits;
  if (!declaration.group_size && info.group_sizes.size() == 1) {
    declaration.group_size = info.default_group_size;
  }
  return declaration;
}

class Reader {
 public:
  Reader(std::map<std::string, Override, std::less<>>& overrides,
         std::vector<std::string>& warnings)
      : overrides_(overrides), warnings_(warnings) {}

  void Read(const Json& block, const std::string& prefix, int depth) {
    for (const auto& [key, value] : block.items()) {
      if (depth == 0 && IsScalarKey(key)) continue;
      const std::string path = prefix.empty() ? key : core::StrCat(prefix, ".", key);
      ReadEntry(path, value, depth);
    }
  }

 private:
  void ReadEntry(const std::string& path, const Json& value, int depth) {
    if (value.is_boolean()) {
      Put(path, Override{.quantized = value.get<bool>(), .declaration = {}});
    } else if (!value.is_object()) {
      // Other tools' remarks ("quant_method" and so on) are no overrides of ours.
      return;
    } else if (DeclaresSomething(value)) {
      if (auto declaration = ReadDeclaration(value, core::Printable(path), warnings_)) {
        Put(path, Override{.quantized = true, .declaration = declaration});
      }
    } else if (depth < kMaxNesting) {
      Read(value, path, depth + 1);
    } else {
      warnings_.push_back(core::StrCat("config.json: ", core::Printable(path),
                                       ": nested too deeply; the entry is ignored"));
    }
  }

  static bool DeclaresSomething(const Json& value) {
    for (const auto& [key, inner] : value.items()) {
      if (IsScalarKey(key) && !inner.is_object()) return true;
    }
    return false;
  }

  void Put(const std::string& path, Override entry) {
    overrides_.insert_or_assign(std::string(StripPath(path)), std::move(entry));
  }

  std::map<std::string, Override, std::less<>>& overrides_;
  std::vector<std::string>& warnings_;
};

const Json* FindBlock(const Json& config, std::vector<std::string>& warnings) {
  if (!config.is_object()) return nullptr;
  for (const char* key : {"quantization", "quantization_config"}) {
    const auto found = config.find(key);
    if (found == config.end() || found->is_null()) continue;
    if (!found->is_object()) {
      warnings.push_back(core::StrCat("config.json: ", key, " is not an object; it is ignored"));
      continue;
    }
    const auto method = found->find("quant_method");
    if (method != found->end() && !method->is_null()) continue;
    return &*found;
  }
  return nullptr;
}

}  // namespace

std::string Describe(const Declaration& declaration) {
  std::string text(quant::InfoOf(declaration.mode).name);
  if (declaration.bits) text += core::StrCat(" ", *declaration.bits, "-bit");
  if (declaration.group_size) text += core::StrCat(", groups of ", *declaration.group_size);
  return text;
}

QuantConfig QuantConfig::FromConfig(const core::Json& config, std::vector<std::string>& warnings) {
  QuantConfig result;
  const Json* block = FindBlock(config, warnings);
  // A vision-language wrapper may keep the block beside the rest of its language model.
  if (block == nullptr && config.is_object()) {
    const auto text = config.find("text_config");
    if (text != config.end()) block = FindBlock(*text, warnings);
  }
  if (block == nullptr) return result;
  result.global_ = ReadDeclaration(*block, "quantization", warnings);
  Reader(result.overrides_, warnings).Read(*block, "", 0);
  return result;
}

const Override* QuantConfig::Find(std::string_view weight_name) const {
  const auto found = overrides_.find(StripPath(weight_name));
  return found == overrides_.end() ? nullptr : &found->second;
}

}  // namespace ingot::model
