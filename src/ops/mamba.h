// The recurrence of Mamba-2 layers: a state per head that decays, takes in and is read out.
#ifndef INGOT_OPS_MAMBA_H_
#define INGOT_OPS_MAMBA_H_

#include "ops/array.h"
#include "ops/delta.h"

namespace ingot::ops {

struct ScanInputs {
  Array x;       // [B, T, Hm, P]
  Array step;    // [B, T, Hm]: the time step, after its softplus
  Array rate;    // [Hm] float32: exp(A_log); a state decays by exp(-step · rate)
  Array input;   // [B, T, G, N]: how what comes in is spread over the state
  Array output;  // [B, T, G, N]: how the state is read
  Array direct;  // [Hm] float32: how much of x passes by the state
};

// For each head h with its group g = h / (Hm/G), step by step:
//   S ← exp(-step · rate) S + (step · x) inputᵀ;  y = S output + direct · x
// All in fp32; y is in x's type.
struct ScanResult {
  Array y;      // [B, T, Hm, P]
  Array state;  // [B, Hm, P, N] float32
};
ScanResult SelectiveScan(const ScanInputs& in, const Array& state,
                         Parting parting = Parting::kAnywhere);

// The time steps: softplus(dt + bias) within bounds, in fp32. bias float32.
Array StepSizes(const Array& dt, const Array& bias, float least, float most);

}  // namespace ingot::ops

#endif  // INGOT_OPS_MAMBA_H_
