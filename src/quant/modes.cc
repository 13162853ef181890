#include "quant/modes.h"

#include <algorithm>

#include "core/checked.h"
#include "core/strings.h"

namespace ingot::quant {
namespace {

using core::StrCat;

constexpr uint8_t kAffineBits[] = {2, 3, 4, 5, 6, 8};
constexpr uint16_t kAffineGroups[] = {32, 64, 128};
constexpr uint8_t kFourBits[] = {4};
constexpr uint8_t kEightBits[] = {8};
constexpr uint16_t kGroup16[] = {16};
constexpr uint16_t kGroup32[] = {32};

// clang-format off
constexpr ModeInfo kModes[] = {
    // mode         name      scales             biases global bits         groups         defaults
    {Mode::kAffine, "affine", ScaleKind::kFloat, true,  false, kAffineBits, kAffineGroups, 4, 64},
    {Mode::kNvfp4,  "nvfp4",  ScaleKind::kE4M3,  false, true,  kFourBits,   kGroup16,      4, 16},
    {Mode::kMxfp4,  "mxfp4",  ScaleKind::kE8M0,  false, false, kFourBits,   kGroup32,      4, 32},
    {Mode::kMxfp8,  "mxfp8",  ScaleKind::kE8M0,  false, false, kEightBits,  kGroup32,      8, 32},
};

constexpr std::string_view kInt4Aliases[] = {"Q4", "FP4"};
constexpr std::string_view kInt8Aliases[] = {"Q8", "FP8"};

constexpr TypeInfo kTypes[] = {
    // name    format                    aliases      importable
    {"int4",  {Mode::kAffine, 4, 64}, kInt4Aliases, true},
    {"int8",  {Mode::kAffine, 8, 64}, kInt8Aliases, true},
    {"nvfp4", {Mode::kNvfp4, 4, 16},  {},           true},
    {"mxfp4", {Mode::kMxfp4, 4, 32},  {},           true},
    {"mxfp8", {Mode::kMxfp8, 8, 32},  {},           true},
    {"int2",  {Mode::kAffine, 2, 64}, {},           false},
    {"int3",  {Mode::kAffine, 3, 64}, {},           false},
    {"int5",  {Mode::kAffine, 5, 64}, {},           false},
    {"int6",  {Mode::kAffine, 6, 64}, {},           false},
};
// clang-format on

template <typename T>
std::string ListOf(std::span<const T> values) {
  std::vector<std::string> parts;
  for (T value : values) parts.push_back(StrCat(uint64_t{value}));
  return core::Join(parts, ", ");
}

bool IsNamed(const TypeInfo& type, std::string_view name) {
  if (core::EqualsIgnoreCase(type.name, name)) return true;
  return std::ranges::any_of(
      type.aliases, [&](std::string_view alias) { return core::EqualsIgnoreCase(alias, name); });
}

}  // namespace

std::span<const ModeInfo> Modes() { return kModes; }

const ModeInfo& InfoOf(Mode mode) {
  static_assert([] {
    for (size_t i = 0; i < std::size(kModes); ++i) {
      if (kModes[i].mode != static_cast<Mode>(i)) return false;
    }
    return true;
  }());
  return kModes[static_cast<size_t>(mode)];
}

std::optional<Mode> ParseMode(std::string_view name) {
  for (const ModeInfo& info : kModes) {
    if (info.name == name) return info.mode;
  }
  return std::nullopt;
}

core::Result<Format> MakeFormat(Mode mode, uint64_t bits, uint64_t group_size) {
  const ModeInfo& info = InfoOf(mode);
  if (!std::ranges::count(info.bits, bits)) {
    return core::Unsupported(StrCat("quantization mode ", info.name, " has codes of ",
                                    ListOf(info.bits), " bits, not of ", bits));
  }
  if (!std::ranges::count(info.group_sizes, group_size)) {
    return core::Unsupported(StrCat("quantization mode ", info.name, " has groups of ",
                                    ListOf(info.group_sizes), ", not of ", group_size));
  }
  return Format{mode, static_cast<uint8_t>(bits), static_cast<uint16_t>(group_size)};
}

std::span<const TypeInfo> Types() { return kTypes; }

std::optional<Format> ParseType(std::string_view name) {
  const std::string_view trimmed = core::Trim(name);
  for (const TypeInfo& type : kTypes) {
    if (IsNamed(type, trimmed)) return type.format;
  }
  return std::nullopt;
}

std::string_view TypeName(Format format) {
  for (const TypeInfo& type : kTypes) {
    if (type.format.mode == format.mode && type.format.bits == format.bits) return type.name;
  }
  return InfoOf(format.mode).name;
}

std::string Describe(Format format) {
  return StrCat(uint64_t{format.bits}, "-bit ", InfoOf(format.mode).name, ", groups of ",
                uint64_t{format.group_size});
}

std::string ImportableTypeNames() {
  std::vector<std::string> names;
  for (const TypeInfo& type : kTypes) {
    if (type.importable) names.emplace_back(type.name);
  }
  return core::Join(names, ", ");
}

Format EightBitFormat(Format format) {
  return *ParseType(format.mode == Mode::kAffine ? "int8" : "mxfp8");
}

std::optional<uint64_t> UnpackedColumns(Format format, uint64_t words) {
  const std::optional<uint64_t> bits = core::CheckedMul<uint64_t>(words, 32);
  if (!bits || *bits % format.bits != 0) return std::nullopt;
  return *bits / format.bits;
}

std::vector<Format> FormatsMatching(uint64_t words, uint64_t groups, bool byte_scales) {
  std::vector<Format> matches;
  if (words == 0 || groups == 0) return matches;
  for (const ModeInfo& info : kModes) {
    if ((info.scales != ScaleKind::kFloat) != byte_scales) continue;
    for (uint8_t bits : info.bits) {
      for (uint16_t group_size : info.group_sizes) {
        const Format format{info.mode, bits, group_size};
        const std::optional<uint64_t> columns = UnpackedColumns(format, words);
        const std::optional<uint64_t> covered = core::CheckedMul<uint64_t>(groups, group_size);
        if (columns && covered && *columns == *covered) matches.push_back(format);
      }
    }
  }
  return matches;
}

}  // namespace ingot::quant
