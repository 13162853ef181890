// The recurrent layers' operations of ops/delta.h and ops/mamba.h on the CPU's kernels: rows of the
// states are shared out among the pool's threads, and each takes its rows through all steps. What
// Serves… accepts, the function of the same name computes.
//
// One thread builds graphs.
#ifndef INGOT_OPS_CPU_RECURRENT_H_
#define INGOT_OPS_CPU_RECURRENT_H_

#include "ops/delta.h"
#include "ops/mamba.h"

namespace ingot::ops::cpu {

bool ServesConv(const Array& u, const Array& weight, const Array& tail);
ConvResult CausalConv(const Array& u, const Array& weight, const Array& tail);

bool ServesDelta(const DeltaInputs& in, const Array& state);
// A state that nobody else holds is changed in place.
DeltaResult GatedDelta(const DeltaInputs& in, const Array& state, int keep_every, Parting parting);

bool ServesScan(const ScanInputs& in, const Array& state);
ScanResult SelectiveScan(const ScanInputs& in, const Array& state, Parting parting);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_RECURRENT_H_
