// The elementwise functions between products. Each is computed in x's type.
#ifndef INGOT_OPS_ACTIVATION_H_
#define INGOT_OPS_ACTIVATION_H_

#include "ops/array.h"

namespace ingot::ops {

inline Array Silu(const Array& x) { return x * mx::sigmoid(x); }
inline Array SwiGlu(const Array& gate, const Array& up) { return Silu(gate) * up; }
// log(1 + exp(x)), without overflow.
inline Array Softplus(const Array& x) { return mx::logaddexp(x, mx::zeros_like(x)); }

}  // namespace ingot::ops

#endif  // INGOT_OPS_ACTIVATION_H_
