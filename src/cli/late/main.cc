// The program of a build for CUDA, as far as it starts where NVIDIA's driver is missing: libmlx
// then loads the driver's library, and the system's loader would end the program before it could
// say a word. So what needs libmlx is a library of its own, which is opened here.
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace {

using Program = int(int, char**);

constexpr const char* kProgram = "libingot_program.so";
constexpr const char* kEntry = "IngotProgram";

struct Cause {
  std::string_view sign;  // in what the system's loader says
  const char* meaning;
  const char* advice;
};
constexpr std::array kCauses = {
    Cause{"undefined symbol: cu", "their driver is older than this build needs",
          "Install NVIDIA's driver, 580 or later"},
    Cause{"libcuda.so.1", "the library of their driver is missing",
          "Install NVIDIA's driver, 580 or later"},
    Cause{"", "what it consists of is not all there", "Install it again"},
};

void Explain(std::string_view reason) {
  const auto* cause = std::find_if(kCauses.begin(), kCauses.end(), [&](const Cause& one) {
    return reason.find(one.sign) != std::string_view::npos;
  });
  std::fprintf(stderr,
               "ingot: this build computes on NVIDIA's GPUs, and %s\n"
               "  %.*s\n"
               "  %s, or use a build for the CPU.\n",
               cause->meaning, static_cast<int>(reason.size()), reason.data(), cause->advice);
}

}  // namespace

int main(int argc, char** argv) {
  // Open until the end: what it registers to run at exit lies in it.
  void* library = dlopen(kProgram, RTLD_NOW | RTLD_LOCAL);
  void* entry = library == nullptr ? nullptr : dlsym(library, kEntry);
  if (entry == nullptr) {
    const char* reason = dlerror();
    Explain(reason == nullptr ? "no reason is known" : reason);
    return 1;
  }
  return reinterpret_cast<Program*>(entry)(argc, argv);
}
