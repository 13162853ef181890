#include "ops/latent.h"

#include "ops/cpu/latent.h"
#include "ops/norm.h"

namespace ingot::ops {
namespace {

// [..., n, w] from begin to end of the axis before the last.
Array SecondLastSlice(const Array& x, int begin, int end) {
  mx::Shape from(x.ndim(), 0);
  mx::Shape to = x.shape();
  from[x.ndim() - 2] = begin;
  to[x.ndim() - 2] = end;
  return mx::contiguous(mx::slice(x, from, to));
}

}  // namespace

Array NormAndTurn(const Array& x, const std::optional<NormWeights>& norm, const RopeSpec& rope,
                  int offset) {
  if (cpu::ServesNormAndTurn(x, norm, rope)) return cpu::NormAndTurn(x, norm, rope, offset);
  const int width = x.shape(-1);
  const int plain = width - rope.dims;
  Array turned = Rope(mx::contiguous(LastSlice(x, plain, width)), rope, offset);
  if (plain == 0) return turned;
  const Array front = LastSlice(x, 0, plain);
  return mx::concatenate({norm ? RmsNorm(front, norm->weight, norm->eps) : front, turned}, -1);
}

Array ApplyHeads(const Weight& stack, const Array& x, const std::optional<Array>& tail) {
  if (cpu::ServesHeads(stack, x, tail)) return cpu::ApplyHeads(stack, x, tail);
  Array y = mx::matmul(x, mx::swapaxes(AsDense(stack, x.dtype()), -1, -2));
  if (!tail) return y;
  mx::Shape common = y.shape();
  common.back() = tail->shape(-1);
  return mx::concatenate({y, mx::broadcast_to(*tail, common)}, -1);
}

Weight HeadStack(const Weight& stack, mx::Dtype type) {
  if (cpu::ReadsStack(stack)) return stack;
  return AsDense(stack, type);
}

Weight StackOutputs(const Weight& stack, int begin, int end) {
  if (const Array* dense = std::get_if<Array>(&stack)) return SecondLastSlice(*dense, begin, end);
  QuantizedTensor part = std::get<QuantizedTensor>(stack);
  part.codes = SecondLastSlice(part.codes, begin, end);
  part.scales = SecondLastSlice(part.scales, begin, end);
  if (part.biases) part.biases = SecondLastSlice(*part.biases, begin, end);
  return part;
}

}  // namespace ingot::ops
