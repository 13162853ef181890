// The encoders and decoders behind a C interface, as a shared library that the Python test loads
// beside mlx.core. Every function returns 0, or prints why not and returns 1.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "core/cpu.h"
#include "quant/block_fp8.h"
#include "quant/decode.h"
#include "quant/encode.h"

#define INGOT_TEST_API extern "C" __attribute__((visibility("default")))

namespace {

using namespace ingot;         // NOLINT: a test
using namespace ingot::quant;  // NOLINT

// Mirrors ctypes.Structure "Call" in mlx_differential_test.py.
struct Call {
  const char* mode;
  const char* isa;
  int32_t bits;
  int32_t group_size;
  int32_t type;      // 0 F32, 1 F16, 2 BF16: of the source, or of scales and biases
  int32_t out_type;  // decoding only
  int32_t high_effort;
  int32_t has_global_scale;
  float global_scale;
  uint64_t rows;
  uint64_t columns;
  std::byte* values;
  std::byte* codes;
  std::byte* scales;
  std::byte* biases;
};

int Report(const core::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

core::Status RunCall(const Call& call, bool encode) {
  const std::optional<Mode> mode = ParseMode(call.mode);
  const std::optional<core::Isa> isa = core::ParseIsa(call.isa);
  if (!mode || !isa || !core::IsSupported(*isa)) return core::InvalidArgument("mode or isa");
  INGOT_ASSIGN(const Format format, MakeFormat(*mode, static_cast<uint64_t>(call.bits),
                                               static_cast<uint64_t>(call.group_size)));
  const auto type = static_cast<FloatType>(call.type);
  INGOT_ASSIGN(const QuantizedSizes sizes, SizesFor(format, type, call.rows, call.columns));
  std::optional<float> global_scale;
  if (call.has_global_scale != 0) global_scale = call.global_scale;
  const uint64_t values = call.rows * call.columns;
  if (encode) {
    EncodeSummary summary;
    return Encode(format,
                  {.type = type,
                   .rows = call.rows,
                   .columns = call.columns,
                   .bytes = {call.values, values * SizeOf(type)}},
                  {.codes = {call.codes, sizes.codes},
                   .scales = {call.scales, sizes.scales},
                   .biases = {call.biases, sizes.biases}},
                  &summary,
                  {.effort = call.high_effort != 0 ? Effort::kHigh : Effort::kPlain,
                   .global_scale = global_scale,
                   .isa = *isa});
  }
  const auto out_type = static_cast<FloatType>(call.out_type);
  return Decode({.format = format,
                 .scale_type = type,
                 .rows = call.rows,
                 .columns = call.columns,
                 .codes = {call.codes, sizes.codes},
                 .scales = {call.scales, sizes.scales},
                 .biases = {call.biases, sizes.biases},
                 .global_scale = global_scale},
                out_type, {call.values, values * SizeOf(out_type)}, {.isa = *isa});
}

}  // namespace

INGOT_TEST_API int ingot_encode(const Call* call) { return Report(RunCall(*call, true)); }
INGOT_TEST_API int ingot_decode(const Call* call) { return Report(RunCall(*call, false)); }

// kind: 0 E4M3, 1 E5M2. Floats of `type` in values, bytes in codes.
INGOT_TEST_API int ingot_encode_fp8(int kind, int type, const char* isa, uint64_t count,
                                    const std::byte* values, std::byte* codes) {
  const auto float_type = static_cast<FloatType>(type);
  return Report(EncodeFp8(static_cast<Fp8>(kind), float_type, {values, count * SizeOf(float_type)},
                          {codes, count}, {.isa = core::ParseIsa(isa).value()}));
}
INGOT_TEST_API int ingot_decode_fp8(int kind, int type, const char* isa, uint64_t count,
                                    const std::byte* codes, std::byte* values) {
  const auto float_type = static_cast<FloatType>(type);
  return Report(DecodeFp8(static_cast<Fp8>(kind), {codes, count}, float_type,
                          {values, count * SizeOf(float_type)},
                          {.isa = core::ParseIsa(isa).value()}));
}

INGOT_TEST_API int ingot_isa_supported(const char* name) {
  const std::optional<core::Isa> isa = core::ParseIsa(name);
  return isa && core::IsSupported(*isa) ? 1 : 0;
}
