// The steps of recurrent layers, a chunk of them at a time as products of matrices: for prompts,
// where the step-by-step form (kernels/recur.h) would read and write the state at every step. The
// same rules, all in fp32, summed in another order.
//
// Within a chunk, with P(t, s) the product of the decays of steps s+1 … t and S the state before:
//   u_t = beta_t (v_t − P(t, 0) S k_t) − Σ_{s<t} beta_t P(t, s) (k_s·k_t) u_s
//   y_t = P(t, 0) S q_t + Σ_{s≤t} P(t, s) (k_s·q_t) u_s
//   S   ← P(n, 0) S + Σ_s P(n, s) u_s k_sᵀ
// for the delta rule; for the scan u_t = step_t x_t. P is multiplied up step by step: it lies
// between 0 and 1 with an error of a rounding a step, whatever the decays, also where they are 0;
// differences of sums of logarithms would lose what is left between two steps behind a strong one.
//
// The state lies in panels of `lanes` rows meanwhile, each [width][lanes]; rows that there are not
// are zero. What a row comes to does not depend on the others, and not on the number of threads.
//
// Pure: any thread.
#ifndef INGOT_KERNELS_CHUNK_H_
#define INGOT_KERNELS_CHUNK_H_

#include <cstddef>

namespace ingot::kernels {

struct DeltaRun;
struct ScanRun;

inline constexpr size_t kChunkSteps = 32;

struct ChunkForm {
  size_t lanes;
  // Steps from which on chunks are faster than steps one by one, the state's way into panels and
  // back counted in; SIZE_MAX where they never are.
  size_t from;
  // As the functions of RecurForm, for any number of rows, with the state in panels: run.state is
  // not looked at. Chunks end where states are kept. work: ChunkFloats(width, lanes) numbers,
  // aligned to 64 bytes.
  void (*delta)(const DeltaRun& run, float* panels, float* work);
  void (*scan)(const ScanRun& run, float* panels, float* work);
};

// Numbers that a chunk's products take.
size_t ChunkFloats(size_t width, size_t lanes);

// Numbers in the panels of a state.
size_t PanelFloats(size_t rows, size_t width, size_t lanes);
// From rows one after the other, and back.
void PackPanels(const float* state, size_t rows, size_t width, size_t lanes, float* panels);
void UnpackPanels(const float* panels, size_t rows, size_t width, size_t lanes, float* state);

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_CHUNK_H_
