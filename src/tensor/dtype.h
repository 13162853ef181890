// The element types of the safetensors format, release 0.8: one table, asked by every reader and
// writer. Values only; any thread may use them.
#ifndef INGOT_TENSOR_DTYPE_H_
#define INGOT_TENSOR_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ingot::tensor {

// The numbers are ours alone: files hold the names.
enum class DType : uint8_t {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF4,      // E2M1, two to a byte
  kF6E2M3,  // four to three bytes
  kF6E3M2,
  kF8E4M3,  // finite only, no infinities ("FN")
  kF8E5M2,
  kF8E8M0,      // a power of two: the scale of a block
  kF8E4M3Fnuz,  // no negative zero, one NaN
  kF8E5M2Fnuz,
  kF16,
  kBF16,
  kF32,
  kF64,
  kC64,  // two F32: real, imaginary
};
inline constexpr size_t kDTypeCount = 22;

enum class DTypeKind : uint8_t { kBool, kUnsigned, kSigned, kFloat, kComplex };

struct DTypeInfo {
  DType dtype;
  std::string_view name;  // as files spell it
  uint8_t bits;           // of one element; less than 8 where elements share bytes
  DTypeKind kind;
};

// All of them, in the order of the enum.
std::span<const DTypeInfo, kDTypeCount> AllDTypes();

const DTypeInfo& InfoOf(DType dtype);
inline std::string_view NameOf(DType dtype) { return InfoOf(dtype).name; }
inline int BitsOf(DType dtype) { return InfoOf(dtype).bits; }
inline bool IsFloat(DType dtype) { return InfoOf(dtype).kind == DTypeKind::kFloat; }

// The type of that name, which is case-sensitive. Also takes F8_E4M3FN, which some exporters write
// for F8_E4M3.
std::optional<DType> ParseDType(std::string_view name);

}  // namespace ingot::tensor

#endif  // INGOT_TENSOR_DTYPE_H_
