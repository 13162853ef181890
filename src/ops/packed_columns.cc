#include "ops/packed_columns.h"

#include <limits>
#include <string_view>

#include "core/strings.h"
#include "kernels/pack.h"
#include "ops/cpu/packed_columns.h"

namespace ingot::ops {
namespace {

constexpr int kGroup = static_cast<int>(kernels::kPackGroup);

int Groups(int width) { return (width + kGroup - 1) / kGroup; }

// [.., groups] → [.., width]: a scale for each number.
Array Spread(const Array& scales, int width) {
  return LastSlice(mx::repeat(scales, kGroup, -1), 0, width);
}

std::string_view NameOf(mx::Dtype type) {
  if (type == mx::float32) return "float32";
  return type == mx::float16 ? "float16" : "bfloat16";
}

}  // namespace

core::Result<ColumnForm> ColumnsFor(std::optional<mx::Dtype> cache, mx::Dtype type,
                                    gpu::BackEnd back_end) {
  if (!cache || *cache == type) return ColumnForm::kComputed;
  if (*cache != mx::int8) {
    return core::InvalidArgument(core::StrCat("a cache of ", NameOf(*cache), " for activations of ",
                                              NameOf(type), ": expected ", NameOf(type),
                                              " or int8"));
  }
  if (back_end != gpu::BackEnd::kCpu) {
    return core::Unsupported("a cache of int8 is there on the CPU alone, and this runs on a GPU")
        .WithHint("Leave the option out, or run a build for the CPU.");
  }
  return ColumnForm::kPacked;
}

int PackedWidth(int width) {
  return static_cast<int>(kernels::PackedBytes(static_cast<size_t>(width)));
}

int WidthOfPacked(const Array& packed) {
  return static_cast<int>(kernels::WidthOfPacked(static_cast<size_t>(packed.shape(-1))));
}

Array PackColumns(const Array& columns) {
  if (cpu::ServesPacking(columns)) return cpu::PackColumns(columns);
  const int width = columns.shape(-1);
  const Array x = ToFloat32(columns);
  // To whole groups.
  mx::Shape rest = x.shape();
  rest.back() = Groups(width) * kGroup - width;
  const Array filled = mx::concatenate({x, mx::zeros(rest)}, -1);
  const Array most = mx::max(mx::abs(mx::unflatten(filled, -1, {Groups(width), kGroup})), -1);
  const Array exact = most / Array(127.0F);
  // NaN is neither less nor equal.
  const Array finite = mx::less_equal(exact, Array(std::numeric_limits<float>::max()));
  const Array normal = mx::greater_equal(exact, Array(std::numeric_limits<float>::min()));
  const Array usable = mx::logical_and(finite, normal);
  const Array codes =
      mx::where(Spread(usable, width),
                mx::round(x / Spread(mx::where(usable, exact, Array(1.0F)), width)), Array(0.0F));
  const Array nan(std::numeric_limits<float>::quiet_NaN());
  const Array scales = mx::where(finite, mx::where(normal, exact, Array(0.0F)), nan);
  return mx::concatenate({mx::astype(codes, mx::int8), mx::view(scales, mx::int8)}, -1);
}

Array UnpackColumns(const Array& packed, int count, mx::Dtype type) {
  if (cpu::ServesUnpacking(packed, type)) return cpu::UnpackColumns(packed, count, type);
  const int width = WidthOfPacked(packed);
  const Array bytes = mx::contiguous(LastSlice(packed, width, packed.shape(-1)));
  const Array scales = mx::view(bytes, mx::float32);
  return mx::astype(ToFloat32(LastSlice(packed, 0, count)) * Spread(scales, count), type);
}

}  // namespace ingot::ops
