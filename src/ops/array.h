// The arrays that models are written in: MLX's, under one name, and the few helpers that keep their
// types honest. An Array is a handle on a node of a graph that has not been computed yet; copying
// it is cheap. One thread builds and evaluates graphs.
#ifndef INGOT_OPS_ARRAY_H_
#define INGOT_OPS_ARRAY_H_

#include <mlx/mlx.h>

namespace ingot::ops {

namespace mx = mlx::core;
using Array = mx::array;

// A constant of x's type: a bare float would turn a bf16 graph into an fp32 one.
inline Array Scalar(float value, const Array& x) { return Array(value, x.dtype()); }

inline Array ToFloat32(const Array& x) { return mx::astype(x, mx::float32); }
inline Array ToTypeOf(const Array& x, const Array& like) { return mx::astype(x, like.dtype()); }

// x[..., begin:end] of the last axis.
inline Array LastSlice(const Array& x, int begin, int end) {
  mx::Shape from(x.ndim(), 0);
  mx::Shape to = x.shape();
  from[x.ndim() - 1] = begin;
  to[x.ndim() - 1] = end;
  return mx::slice(x, from, to);
}

// x[:, begin:end, ...] of the second axis.
inline Array TimeSlice(const Array& x, int begin, int end) {
  mx::Shape from(x.ndim(), 0);
  mx::Shape to = x.shape();
  from[1] = begin;
  to[1] = end;
  return mx::slice(x, from, to);
}

}  // namespace ingot::ops

#endif  // INGOT_OPS_ARRAY_H_
