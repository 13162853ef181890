// The recurrent layers' two operations, with the state that they carry from call to call.
#ifndef INGOT_OPS_DELTA_H_
#define INGOT_OPS_DELTA_H_

#include <optional>

#include "ops/array.h"

namespace ingot::ops {

// Depthwise causal convolution. u [B, T, C]; weight [C, K], oldest tap first; tail [B, K-1, C] is
// what preceded u. Its sums are fp32 and are not rounded here: what follows bends them first.
struct ConvResult {
  Array y;     // [B, T, C] float32
  Array tail;  // for the next call, in u's type
};
ConvResult CausalConv(const Array& u, const Array& weight, const Array& tail);

// exp(-rate · softplus(a + bias)), in fp32: what a state keeps of itself at each step. a [B, T,
// Hv], the rest [Hv] float32.
Array StateDecay(const Array& a, const Array& bias, const Array& rate);

// Whether a result may depend, by roundings, on where calls part a long prompt. kAnywhere lets it
// be taken some steps at a time, as products of matrices, where that is faster; with kAlike every
// step is taken like any other, so that a sequence gives the same bits however it is read.
enum class Parting { kAlike, kAnywhere };
// What a layer wants whose rows are of this type: fp32 is asked for where bits matter.
Parting PartingFor(mx::Dtype rows);

// The gated delta rule, for each value head h with its key head g = h / (Hv/Hk), step by step:
//   S ← decay · S;  S ← S + beta (v − S k) kᵀ;  y = S q
// q, k [B, T, Hk, Dk] already normalised; v [B, T, Hv, Dv]; decay, beta [B, T, Hv].
// State and decay are fp32 whatever the type of the rest, and so is every step: rounding a state to
// bf16 at each token is what makes long answers fall apart. y is in v's type.
struct DeltaInputs {
  Array q, k, v, decay, beta;
};
struct DeltaResult {
  Array y;      // [B, T, Hv, Dv]
  Array state;  // [B, Hv, Dv, Dk] float32
  // Where asked for: the states after every keep_every steps, [B, T / keep_every, Hv, Dv, Dk].
  std::optional<Array> between = {};
};
DeltaResult GatedDelta(const Array& q, const Array& k, const Array& v, const Array& decay,
                       const Array& beta, const Array& state, int keep_every = 0,
                       Parting parting = Parting::kAnywhere);

}  // namespace ingot::ops

#endif  // INGOT_OPS_DELTA_H_
