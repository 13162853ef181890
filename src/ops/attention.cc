#include "ops/attention.h"

#include "ops/cpu/attention.h"
#include "ops/gpu/attention.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/kernel.h"
#include "ops/packed_columns.h"

namespace ingot::ops {
namespace {

// [L, T]: which keys each query sees. Positions are relative to the first key, so where the view
// begins in the sequence does not matter.
Array VisibleKeys(int queries, int keys, int window) {
  const Array column = mx::expand_dims(mx::arange(0, keys, 1, mx::int32), 0);
  const Array row = mx::expand_dims(mx::arange(keys - queries, keys, 1, mx::int32), 1);
  Array visible = mx::less_equal(column, row);
  if (window > 0) {
    visible = mx::logical_and(visible, mx::greater(column, row - Array(window, mx::int32)));
  }
  return visible;
}

// The first `width` numbers of each, or all.
Array ValuesOf(const Array& v, int width, mx::Dtype type) {
  if (IsPacked(v)) return UnpackColumns(v, width > 0 ? width : WidthOfPacked(v), type);
  return width > 0 ? LastSlice(v, 0, width) : v;
}

}  // namespace

Array AttentionHeads(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec) {
  if (cpu::ServesAttention(q, k, v, spec)) return cpu::Attention(q, k, v, spec, false);
  if (spec.value_width > 0 || IsPacked(k)) {
    AttentionSpec rest = spec;
    rest.value_width = 0;
    const Array keys = IsPacked(k) ? UnpackColumns(k, q.shape(3), q.dtype()) : k;
    return AttentionHeads(q, keys, ValuesOf(v, spec.value_width, q.dtype()), rest);
  }
  const gpu::BackEnd back_end = gpu::BackEndInUse();
  if (gpu::KernelsInUse() && !gpu::HasFused(back_end, q, k, v, spec)) {
    return gpu::FitsWide(q, v) ? gpu::WideAttention(gpu::LaunchOnDevice, q, k, v, spec)
                               : gpu::AttentionInBlocks(q, k, v, spec);
  }
  const int queries = q.shape(2);
  const int keys = k.shape(2);
  const bool all_visible =
      !spec.causal || (queries == 1 && (spec.window == 0 || keys <= spec.window));
  if (back_end != gpu::BackEnd::kCpu && !all_visible && spec.window == 0) {
    // Without an array of it a fused form knows the mask, and does not read it.
    return mx::fast::scaled_dot_product_attention(q, k, v, spec.scale, "causal", {}, spec.sinks);
  }
  std::optional<Array> mask;
  if (!all_visible) mask = VisibleKeys(queries, keys, spec.window);
  return mx::fast::scaled_dot_product_attention(q, k, v, spec.scale, mask ? "array" : "", mask,
                                                spec.sinks);
}

Array Attention(const Array& q, const Array& k, const Array& v, const AttentionSpec& spec) {
  if (cpu::ServesAttention(q, k, v, spec)) return cpu::Attention(q, k, v, spec, true);
  return MergeHeads(AttentionHeads(q, k, v, spec));
}

Array SplitHeads(const Array& x, int heads) {
  return mx::transpose(mx::reshape(x, {x.shape(0), x.shape(1), heads, x.shape(2) / heads}),
                       {0, 2, 1, 3});
}

Array MergeHeads(const Array& x) {
  const Array rows = mx::transpose(x, {0, 2, 1, 3});
  return mx::reshape(rows, {rows.shape(0), rows.shape(1), rows.shape(2) * rows.shape(3)});
}

}  // namespace ingot::ops
