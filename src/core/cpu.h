// What this processor can do, and which form of a kernel runs on it.
//
// Every kernel of ours exists in several forms with one name each, the same everywhere: tests force
// each by name, and a person can with INGOT_CPU. A form is a promise about instructions, not about
// results: all forms of a kernel give the same bits unless its header says otherwise.
//
// Everything here is computed once and read-only afterwards: any thread may call it.
#ifndef INGOT_CORE_CPU_H_
#define INGOT_CORE_CPU_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace ingot::core {

// From the plainest to the most demanding on one architecture; kNeon and the x86 ones never meet.
enum class Isa : uint8_t {
  kPortable,  // C++ alone
  kNeon,      // AArch64 Advanced SIMD
  kAvx2,      // AVX2, FMA, F16C, BMI2: Haswell, Zen and later
  kAvx512,    // F, BW, DQ, VL, VBMI, VNNI: Ice Lake, Zen 4 and later
  kAmx,       // kAvx512 and AMX tiles with int8 and bf16 products: Sapphire Rapids and later
};

struct CpuFeatures {
  // x86-64
  bool avx2 = false;  // all that Isa::kAvx2 names
  bool avx_vnni = false;
  bool avx512 = false;  // all that Isa::kAvx512 names
  bool avx512_vbmi2 = false;
  bool avx512_bf16 = false;
  // Whether its dot products outrun fp32 multiply-adds: Intel's reach half of those before Granite
  // Rapids.
  bool avx512_bf16_fast = false;
  bool avx512_fp16 = false;
  bool sha = false;  // SHA extensions, and SSE4.1 with them
  bool amx = false;  // tile, int8 and bf16; the process must still ask, see RequestAmx
  // AArch64
  bool neon = false;
  bool neon_dotprod = false;
  bool neon_i8mm = false;
  bool neon_bf16 = false;
};

// What the processor offers and the operating system keeps across a context switch.
const CpuFeatures& Cpu();

// "portable", "neon", "avx2", "avx512", "amx".
std::string_view IsaName(Isa isa);
std::optional<Isa> ParseIsa(std::string_view name);  // any case
// The forms that this machine runs, plainest first; kPortable is always there.
std::vector<Isa> SupportedIsas();
bool IsSupported(Isa isa);

// What kernels use unless told otherwise: the last of SupportedIsas, or what INGOT_CPU names.
Isa ActiveIsa();
// OK, or why the value of INGOT_CPU cannot be followed (an unknown name, an instruction set that
// this machine lacks). Programs ask once at start-up and stop there; ActiveIsa ignores such a
// value.
Status CheckIsaChoice();
// The same for a given value: the form it means, or the reason against it. Empty means the best.
Result<Isa> ChooseIsa(std::string_view name);
// The last of `forms` (plainest first, never empty) that `isa` can run: a kernel without an AMX
// form runs its AVX-512 one there.
Isa BestFormFor(Isa isa, std::span<const Isa> forms);

// Linux gives a process tile registers only on demand. True when they may be used from now on.
bool RequestAmx();

}  // namespace ingot::core

#endif  // INGOT_CORE_CPU_H_
