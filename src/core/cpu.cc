#include "core/cpu.h"

#include <cstdlib>
#include <string>

#include "core/strings.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace ingot::core {
namespace {

struct NamedIsa {
  Isa isa;
  std::string_view name;
};
constexpr NamedIsa kIsas[] = {{Isa::kPortable, "portable"},
                              {Isa::kNeon, "neon"},
                              {Isa::kAvx2, "avx2"},
                              {Isa::kAvx512, "avx512"},
                              {Isa::kAmx, "amx"}};

#if defined(__x86_64__)

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf ReadLeaf(unsigned leaf, unsigned subleaf) {
  Leaf out;
  if (__get_cpuid_count(leaf, subleaf, &out.eax, &out.ebx, &out.ecx, &out.edx) == 0) return {};
  return out;
}

// The register states that the operating system saves and restores (XCR0).
uint64_t SavedStates() {
  constexpr unsigned kOsxsave = 1u << 27;
  if ((ReadLeaf(1, 0).ecx & kOsxsave) == 0) return 0;
  unsigned low = 0;
  unsigned high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

bool IsIntel() {
  const Leaf zero = ReadLeaf(0, 0);
  constexpr unsigned kGenu = 0x756e6547, kInei = 0x49656e69, kNtel = 0x6c65746e;
  return zero.ebx == kGenu && zero.edx == kInei && zero.ecx == kNtel;
}

constexpr bool HasAll(uint64_t value, uint64_t bits) { return (value & bits) == bits; }

CpuFeatures Detect() {
  constexpr uint64_t kYmmState = 0x6;       // SSE and AVX registers
  constexpr uint64_t kZmmState = 0xe6;      // and mask registers and both halves of the zmm file
  constexpr uint64_t kTileState = 0x60000;  // tile configuration and data
  constexpr unsigned kFma = 1u << 12, kF16c = 1u << 29, kAvx = 1u << 28;             // 1.ecx
  constexpr unsigned kSsse3 = 1u << 9, kSse41 = 1u << 19;                            // 1.ecx
  constexpr unsigned kSha = 1u << 29;                                                // 7.ebx
  constexpr unsigned kBmi1 = 1u << 3, kAvx2 = 1u << 5, kBmi2 = 1u << 8;              // 7.ebx
  constexpr unsigned kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;  // 7.ebx
  constexpr unsigned kVbmi = 1u << 1, kVbmi2 = 1u << 6, kVnni = 1u << 11;            // 7.ecx
  constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;  // 7.edx
  constexpr unsigned kFp16 = 1u << 23;                                               // 7.edx
  constexpr unsigned kAvxVnni = 1u << 4, kBf16 = 1u << 5, kAmxFp16 = 1u << 21;       // 7.1.eax

  const Leaf one = ReadLeaf(1, 0);
  const Leaf seven = ReadLeaf(7, 0);
  const Leaf seven_one = ReadLeaf(7, 1);
  const uint64_t states = SavedStates();
  CpuFeatures f;
  f.avx2 = HasAll(states, kYmmState) && HasAll(one.ecx, kAvx | kFma | kF16c) &&
           HasAll(seven.ebx, kAvx2 | kBmi1 | kBmi2);
  f.avx_vnni = f.avx2 && HasAll(seven_one.eax, kAvxVnni);
  f.avx512 = f.avx2 && HasAll(states, kZmmState) && HasAll(seven.ebx, kF | kDq | kBw | kVl) &&
             HasAll(seven.ecx, kVbmi | kVnni);
  f.avx512_vbmi2 = f.avx512 && HasAll(seven.ecx, kVbmi2);
  f.avx512_bf16 = f.avx512 && HasAll(seven_one.eax, kBf16);
  // Granite Rapids is the first of Intel's with AMX for fp16.
  f.avx512_bf16_fast = f.avx512_bf16 && (!IsIntel() || HasAll(seven_one.eax, kAmxFp16));
  f.avx512_fp16 = f.avx512 && HasAll(seven.edx, kFp16);
  f.sha = HasAll(one.ecx, kSsse3 | kSse41) && HasAll(seven.ebx, kSha);
  f.amx =
      f.avx512 && HasAll(states, kTileState) && HasAll(seven.edx, kAmxTile | kAmxInt8 | kAmxBf16);
  return f;
}

#elif defined(__aarch64__)

#if defined(__APPLE__)
bool HasSysctl(const char* name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}
#endif

CpuFeatures Detect() {
  CpuFeatures f;
  f.neon = true;                                                 // part of the architecture
#if defined(__linux__)
  constexpr unsigned long kDotprod = 1ul << 20;                  // AT_HWCAP
  constexpr unsigned long kI8mm = 1ul << 13, kBf16 = 1ul << 14;  // AT_HWCAP2
  f.neon_dotprod = (getauxval(AT_HWCAP) & kDotprod) != 0;
  f.neon_i8mm = (getauxval(AT_HWCAP2) & kI8mm) != 0;
  f.neon_bf16 = (getauxval(AT_HWCAP2) & kBf16) != 0;
#elif defined(__APPLE__)
  f.neon_dotprod = HasSysctl("hw.optional.arm.FEAT_DotProd");
  f.neon_i8mm = HasSysctl("hw.optional.arm.FEAT_I8MM");
  f.neon_bf16 = HasSysctl("hw.optional.arm.FEAT_BF16");
#endif
  return f;
}

#else

CpuFeatures Detect() { return {}; }

#endif

std::string NamesOf(const std::vector<Isa>& isas) {
  std::vector<std::string> names;
  for (Isa isa : isas) names.emplace_back(IsaName(isa));
  return Join(names, ", ");
}

std::string_view IsaFromEnvironment() {
  const char* value = std::getenv("INGOT_CPU");
  return value == nullptr ? std::string_view() : Trim(value);
}

}  // namespace

const CpuFeatures& Cpu() {
  static const CpuFeatures features = Detect();
  return features;
}

std::string_view IsaName(Isa isa) {
  for (const NamedIsa& row : kIsas) {
    if (row.isa == isa) return row.name;
  }
  return "unknown";
}

std::optional<Isa> ParseIsa(std::string_view name) {
  for (const NamedIsa& row : kIsas) {
    if (EqualsIgnoreCase(row.name, name)) return row.isa;
  }
  return std::nullopt;
}

bool IsSupported(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return true;
    case Isa::kNeon:
      return Cpu().neon;
    case Isa::kAvx2:
      return Cpu().avx2;
    case Isa::kAvx512:
      return Cpu().avx512;
    case Isa::kAmx:
      return Cpu().amx && RequestAmx();
  }
  return false;
}

std::vector<Isa> SupportedIsas() {
  std::vector<Isa> supported;
  for (const NamedIsa& row : kIsas) {
    if (IsSupported(row.isa)) supported.push_back(row.isa);
  }
  return supported;
}

Result<Isa> ChooseIsa(std::string_view name) {
  const std::vector<Isa> supported = SupportedIsas();
  if (name.empty()) return supported.back();
  const std::optional<Isa> isa = ParseIsa(name);
  if (!isa) {
    std::vector<Isa> all;
    for (const NamedIsa& row : kIsas) all.push_back(row.isa);
    return InvalidArgument(
        StrCat("INGOT_CPU is ", Quoted(name), "; expected one of ", NamesOf(all)));
  }
  if (!IsSupported(*isa)) {
    const std::string_view why = *isa == Isa::kAmx && Cpu().amx
                                     ? ", which the operating system does not permit here"
                                     : ", which this machine lacks";
    return Unsupported(
        StrCat("INGOT_CPU asks for ", IsaName(*isa), why, "; it has ", NamesOf(supported)));
  }
  return *isa;
}

Status CheckIsaChoice() { return ChooseIsa(IsaFromEnvironment()).status(); }

Isa ActiveIsa() {
  static const Isa active = [] {
    const Result<Isa> chosen = ChooseIsa(IsaFromEnvironment());
    return chosen.ok() ? *chosen : SupportedIsas().back();
  }();
  return active;
}

Isa BestFormFor(Isa isa, std::span<const Isa> forms) {
  Isa best = forms.front();
  for (Isa form : forms) {
    // x86 forms include each other in order; NEON includes only the portable one.
    const bool runs = form == Isa::kPortable || form == isa || (isa > form && form >= Isa::kAvx2);
    if (runs) best = form;
  }
  return best;
}

bool RequestAmx() {
#if defined(__x86_64__) && defined(__linux__)
  static const bool granted = [] {
    if (!Cpu().amx) return false;
    constexpr long kArchRequestPermission = 0x1023;
    constexpr long kTileData = 18;  // the XSAVE component
    return syscall(SYS_arch_prctl, kArchRequestPermission, kTileData) == 0;
  }();
  return granted;
#else
  return false;
#endif
}

}  // namespace ingot::core
