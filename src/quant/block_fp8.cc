#include "quant/block_fp8.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/checked.h"
#include "core/strings.h"
#include "quant/kernels.h"

namespace ingot::quant {
namespace {

using core::InvalidArgument;
using core::Result;
using core::Status;
using core::StrCat;

constexpr uint64_t kTaskValues = uint64_t{1} << 16;

using Shape = std::vector<uint64_t>;

std::string ShapeText(std::span<const uint64_t> shape) {
  std::vector<std::string> parts;
  for (uint64_t size : shape) parts.push_back(StrCat(size));
  return StrCat("[", core::Join(parts, ", "), "]");
}

// The shapes that scales of each kind may have: the first is the one that messages name.
std::vector<Shape> BlockShapes(const Fp8Layout& l, bool stacked) {
  const uint64_t rows = core::CeilDiv(l.rows, kFp8Block);
  const uint64_t columns = core::CeilDiv(l.columns, kFp8Block);
  if (stacked) return {{l.stack, rows, columns}};
  return {{rows, columns}};
}
std::vector<Shape> RowShapes(const Fp8Layout& l, bool stacked) {
  if (stacked) return {{l.stack, l.rows, 1}, {l.stack, l.rows}};
  return {{l.rows, 1}, {l.rows}};
}
std::vector<Shape> StackShapes(const Fp8Layout& l) {
  return {{l.stack}, {l.stack, 1}, {l.stack, 1, 1}};
}
std::vector<Shape> SingleShapes() { return {{1}, {}, {1, 1}, {1, 1, 1}}; }

bool Contains(const std::vector<Shape>& shapes, std::span<const uint64_t> shape) {
  return std::ranges::any_of(shapes, [&](const Shape& s) { return std::ranges::equal(s, shape); });
}

Status CheckSize(std::string_view what, uint64_t found, uint64_t expected) {
  if (found == expected) return Status::Ok();
  return InvalidArgument(StrCat(what, " have ", found, " bytes, expected ", expected));
}

core::ThreadPool& PoolOf(const Fp8Options& options) {
  return options.pool != nullptr ? *options.pool : core::ThreadPool::Shared();
}

uint64_t CountScales(const Fp8Layout& l) {
  if (l.scaling == Fp8Scaling::kTensor) return l.one_scale ? 1 : l.stack;
  return l.stack * core::CeilDiv(l.rows, l.rows_a_scale()) * l.scales_in_row();
}

// Where the scales of a row, counted through the stack, begin.
uint64_t FirstScaleOf(const Fp8Layout& l, uint64_t row) {
  const uint64_t member = row / l.rows;
  if (l.scaling == Fp8Scaling::kTensor) return l.one_scale ? 0 : member;
  const uint64_t lines = core::CeilDiv(l.rows, l.rows_a_scale());
  return (member * lines + row % l.rows / l.rows_a_scale()) * l.scales_in_row();
}

}  // namespace

uint64_t Fp8Layout::scales_in_row() const {
  return scaling == Fp8Scaling::kBlocks ? core::CeilDiv(columns, kFp8Block) : 1;
}

uint64_t Fp8Layout::rows_a_scale() const {
  switch (scaling) {
    case Fp8Scaling::kBlocks:
      return kFp8Block;
    case Fp8Scaling::kRows:
      return 1;
    case Fp8Scaling::kTensor:
      break;
  }
  return std::max<uint64_t>(rows, 1);
}

Result<Fp8Layout> Fp8LayoutOf(std::span<const uint64_t> shape,
                              std::span<const uint64_t> scale_shape) {
  if (shape.size() != 2 && shape.size() != 3) {
    return InvalidArgument(
        StrCat("an fp8 weight has two dimensions, or three when stacked; this "
               "one is ",
               ShapeText(shape)));
  }
  const bool stacked = shape.size() == 3;
  Fp8Layout layout{.stack = stacked ? shape[0] : 1,
                   .rows = shape[shape.size() - 2],
                   .columns = shape[shape.size() - 1]};
  const uint64_t factors[] = {layout.stack, layout.rows, layout.columns, 4};
  if (!core::CheckedProduct(factors)) {
    return InvalidArgument(
        StrCat("an fp8 weight of ", ShapeText(shape), " does not fit in memory"));
  }
  if (Contains(BlockShapes(layout, stacked), scale_shape)) {
    layout.scaling = Fp8Scaling::kBlocks;
  } else if (Contains(SingleShapes(), scale_shape)) {
    layout.one_scale = true;
  } else if (stacked && Contains(StackShapes(layout), scale_shape)) {
    layout.one_scale = false;
  } else if (Contains(RowShapes(layout, stacked), scale_shape)) {
    layout.scaling = Fp8Scaling::kRows;
  } else {
    return InvalidArgument(StrCat(
        "an fp8 weight of ", ShapeText(shape), " has scales of ", ShapeText(scale_shape),
        "; expected ", ShapeText(BlockShapes(layout, stacked).front()), " (blocks of 128 by 128), ",
        ShapeText(RowShapes(layout, stacked).front()), " (one a row) or ",
        stacked ? ShapeText(StackShapes(layout).front()) : std::string("[1]"), " (one)"));
  }
  return layout;
}

Status DecodeFp8Rows(const Fp8Weight& weight, uint64_t first, uint64_t count, FloatType type,
                     std::span<std::byte> out, const Fp8Options& options) {
  const Fp8Layout& layout = weight.layout;
  const uint64_t all_rows = layout.stack * layout.rows;
  INGOT_TRY(CheckSize("fp8 codes", weight.codes.size(), all_rows * layout.columns));
  INGOT_TRY(CheckSize("fp8 scales", weight.scales.size(),
                      CountScales(layout) * SizeOf(weight.scale_type)));
  if (!core::SpanFits(first, count, all_rows)) {
    return InvalidArgument(StrCat("rows ", first, " to ", first, " + ", count, " of ", all_rows));
  }
  INGOT_TRY(CheckSize("decoded fp8 rows", out.size(), count * layout.columns * SizeOf(type)));
  if (out.empty()) return Status::Ok();

  const Kernels& kernels = KernelsFor(options.isa);
  const uint64_t task_rows = std::max<uint64_t>(1, kTaskValues / layout.columns);
  PoolOf(options).ParallelFor(count, task_rows, [&](size_t begin, size_t end) {
    std::vector<float> scales(layout.scales_in_row());
    uint64_t held = UINT64_MAX;  // where those in `scales` begin
    for (uint64_t row = first + begin; row < first + end; ++row) {
      const uint64_t at = FirstScaleOf(layout, row);
      if (at != held) {
        for (size_t i = 0; i < scales.size(); ++i) {
          scales[i] = LoadFloat(weight.scale_type, weight.scales.data(), at + i);
        }
        held = at;
      }
      const bool blocks = layout.scaling == Fp8Scaling::kBlocks;
      kernels.decode_fp8({.kind = weight.kind,
                          .type = type,
                          .count = layout.columns,
                          .codes = weight.codes.data() + row * layout.columns,
                          .scales = scales.data(),
                          .block = blocks ? kFp8Block : layout.columns,
                          .out = out.data() + (row - first) * layout.columns * SizeOf(type)});
    }
  });
  return Status::Ok();
}

Status DecodeFp8(Fp8 kind, std::span<const std::byte> codes, FloatType type,
                 std::span<std::byte> out, const Fp8Options& options) {
  INGOT_TRY(CheckSize("decoded fp8 values", out.size(), codes.size() * SizeOf(type)));
  const Kernels& kernels = KernelsFor(options.isa);
  const float one = 1;
  PoolOf(options).ParallelFor(codes.size(), kTaskValues, [&](size_t begin, size_t end) {
    kernels.decode_fp8({.kind = kind,
                        .type = type,
                        .count = end - begin,
                        .codes = codes.data() + begin,
                        .scales = &one,
                        .block = end - begin,
                        .out = out.data() + begin * SizeOf(type)});
  });
  return Status::Ok();
}

Status EncodeFp8(Fp8 kind, FloatType type, std::span<const std::byte> source,
                 std::span<std::byte> codes, const Fp8Options& options) {
  INGOT_TRY(CheckSize("values for fp8", source.size(), codes.size() * SizeOf(type)));
  const Kernels& kernels = KernelsFor(options.isa);
  PoolOf(options).ParallelFor(codes.size(), kTaskValues, [&](size_t begin, size_t end) {
    kernels.encode_fp8({.kind = kind,
                        .type = type,
                        .count = end - begin,
                        .source = source.data() + begin * SizeOf(type),
                        .codes = codes.data() + begin});
  });
  return Status::Ok();
}

}  // namespace ingot::quant
