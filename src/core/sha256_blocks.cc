#include "core/sha256_blocks.h"

#include <vector>

#include "core/cpu.h"

namespace ingot::core {

std::span<const Sha256Kernel> Sha256Kernels() {
  static const std::vector<Sha256Kernel> kernels = [] {
    std::vector<Sha256Kernel> found;
#if defined(__x86_64__)
    if (Cpu().sha && ActiveIsa() >= Isa::kAvx2) {
      found.push_back({"sha-1", 1, 1, Sha256CompressOne});
      found.push_back({"sha-2", 2, 2, Sha256CompressTwo});
      if (ActiveIsa() >= Isa::kAvx512) {
        found.push_back({"avx512-16", 16, 10, Sha256CompressSixteen});
      }
    }
#endif
    return found;
  }();
  return kernels;
}

}  // namespace ingot::core
