// What every encoder must produce, written as plainly as the rule is: one group at a time, one
// scalar at a time, rounding wherever MLX's CPU back end rounds. The vector kernels do ordinary
// groups in fewer steps and hand the others (infinities, NaN, scales near the ends of the float
// range) to these functions. docs/quantization.md says the rules in words.
//
// `type` is the type of the source; values are its elements, exactly, as floats. Codes come out one
// a byte, not yet packed. Pure functions.
#ifndef INGOT_QUANT_EXACT_GROUP_H_
#define INGOT_QUANT_EXACT_GROUP_H_

#include <cstdint>
#include <span>

#include "quant/float_types.h"

namespace ingot::quant {

struct AffineParameters {
  float scale = 0;  // not yet rounded to the source's type, in which they are stored
  float bias = 0;
};

// codes has room for values.size() bytes.
AffineParameters ExactAffineGroup(std::span<const float> values, int bits, uint8_t* codes);

// Returns the scale's byte. kMxfp4 codes are E2M1, kMxfp8 codes E4M3.
uint8_t ExactMxfp4Group(FloatType type, std::span<const float> values, uint8_t* codes);
uint8_t ExactMxfp8Group(FloatType type, std::span<const float> values, uint8_t* codes);

// encode_scale is 2688 / global scale, or nullptr when there is no global scale.
uint8_t ExactNvfp4Group(FloatType type, std::span<const float> values, const float* encode_scale,
                        uint8_t* codes);

// The factor that a global scale puts on values and scales before they are encoded.
inline float Nvfp4EncodeScale(float global_scale) { return (448.0f * 6.0f) / global_scale; }

}  // namespace ingot::quant

#endif  // INGOT_QUANT_EXACT_GROUP_H_
