#include "tensor/dtype.h"

#include <array>

namespace ingot::tensor {
namespace {

using enum DTypeKind;

constexpr std::array<DTypeInfo, kDTypeCount> kTable = {{
    {DType::kBool, "BOOL", 8, kBool},
    {DType::kU8, "U8", 8, kUnsigned},
    {DType::kI8, "I8", 8, kSigned},
    {DType::kU16, "U16", 16, kUnsigned},
    {DType::kI16, "I16", 16, kSigned},
    {DType::kU32, "U32", 32, kUnsigned},
    {DType::kI32, "I32", 32, kSigned},
    {DType::kU64, "U64", 64, kUnsigned},
    {DType::kI64, "I64", 64, kSigned},
    {DType::kF4, "F4", 4, kFloat},
    {DType::kF6E2M3, "F6_E2M3", 6, kFloat},
    {DType::kF6E3M2, "F6_E3M2", 6, kFloat},
    {DType::kF8E4M3, "F8_E4M3", 8, kFloat},
    {DType::kF8E5M2, "F8_E5M2", 8, kFloat},
    {DType::kF8E8M0, "F8_E8M0", 8, kFloat},
    {DType::kF8E4M3Fnuz, "F8_E4M3FNUZ", 8, kFloat},
    {DType::kF8E5M2Fnuz, "F8_E5M2FNUZ", 8, kFloat},
    {DType::kF16, "F16", 16, kFloat},
    {DType::kBF16, "BF16", 16, kFloat},
    {DType::kF32, "F32", 32, kFloat},
    {DType::kF64, "F64", 64, kFloat},
    {DType::kC64, "C64", 64, kComplex},
}};

constexpr bool InEnumOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<size_t>(kTable[i].dtype) != i) return false;
  }
  return true;
}
static_assert(InEnumOrder(), "InfoOf indexes the table by the enum");

}  // namespace

std::span<const DTypeInfo, kDTypeCount> AllDTypes() { return kTable; }

const DTypeInfo& InfoOf(DType dtype) { return kTable[static_cast<size_t>(dtype)]; }

std::optional<DType> ParseDType(std::string_view name) {
  for (const DTypeInfo& info : kTable) {
    if (info.name == name) return info.dtype;
  }
  if (name == "F8_E4M3FN") return DType::kF8E4M3;
  return std::nullopt;
}

}  // namespace ingot::tensor
