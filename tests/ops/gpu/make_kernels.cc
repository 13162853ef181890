// Writes the kernels of all cases of tests/ops/gpu/cases.h:
//
//   make_kernels emulated FILE   as one C++ file for the emulator
//   make_kernels cuda DIR        as MLX gives them to NVRTC, but in one file, and names.txt
//   make_kernels metal DIR       one file a kernel, as far as the text is ours
//   make_kernels metal-whole DIR  as MLX gives them to Metal, in one file, for metal_words.h
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include "ops/gpu/language.h"
#include "tests/ops/gpu/cases.h"
#include "tests/ops/gpu/whole_source.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;
using Calls = std::map<std::string, ops::gpu::KernelCall>;

Calls AllCalls() {
  Calls calls;
  const ops::gpu::Launch record = [&](const ops::gpu::KernelCall& call) {
    calls.emplace(FullName(call), call);
    std::vector<ops::Array> outputs;
    for (size_t i = 0; i < call.shapes.size(); ++i) {
      outputs.push_back(mx::zeros(call.shapes[i], call.types[i]));
    }
    return outputs;
  };
  for (const KernelCase& test : AllKernelCases()) test.own(record);
  return calls;
}

void WriteEmulated(const Calls& calls, std::ostream& out) {
  out << "#include \"tests/ops/gpu/cuda_words.h\"\n"
      << ops::gpu::Helpers(ops::gpu::Language::kCuda);
  for (const auto& [name, call] : calls) out << CudaFunction(call);
  out << "namespace ingot::testing {\nconst std::vector<NamedKernel> kEmulatedKernels = {\n";
  for (const auto& [name, call] : calls) {
    out << "{\"" << name << "\", [](const EmulatedCall& call) { mlx::core::cu::" << name << "(";
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      out << (i > 0 ? ", " : "") << "static_cast<const " << CudaType(call.inputs[i].dtype())
          << "*>(call.inputs[" << i << "].data)";
      if (ExtrasOf(call, i).shape) out << ", call.inputs[" << i << "].shape";
      if (ExtrasOf(call, i).strides) out << ", call.inputs[" << i << "].strides";
    }
    for (size_t i = 0; i < call.types.size(); ++i) {
      out << ", static_cast<" << CudaType(call.types[i]) << "*>(call.outputs[" << i << "])";
    }
    out << "); }},\n";
  }
  out << "};\n}  // namespace ingot::testing\n";
}

void WriteCuda(const Calls& calls, const std::filesystem::path& folder) {
  std::ofstream source(folder / "kernels.cu");
  std::ofstream names(folder / "names.txt");
  source << CudaHeader();
  for (const auto& [name, call] : calls) {
    source << CudaFunction(call);
    names << name << "\n";
  }
}

void WriteMetal(const Calls& calls, const std::filesystem::path& folder) {
  for (const auto& [name, call] : calls) {
    std::ofstream(folder / (std::string(call.text->name) + ".metal")) << MetalSource(call);
  }
}

void WriteWholeMetal(const Calls& calls, const std::filesystem::path& folder) {
  std::ofstream source(folder / "kernels.metal");
  source << "#include \"tests/ops/gpu/metal_words.h\"\n"
         << ops::gpu::Helpers(ops::gpu::Language::kMetal);
  for (const auto& [name, call] : calls) source << MetalFunction(call);
}

struct Writer {
  std::string_view kind;
  void (*write)(const Calls&, const std::filesystem::path&);
};
constexpr std::array kWriters = {Writer{"cuda", &WriteCuda}, Writer{"metal", &WriteMetal},
                                 Writer{"metal-whole", &WriteWholeMetal}};

int Run(std::string_view kind, const std::filesystem::path& place) {
  const Calls calls = AllCalls();
  if (kind == "emulated") {
    std::ofstream out(place);
    WriteEmulated(calls, out);
    return out.good() ? 0 : 1;
  }
  for (const Writer& writer : kWriters) {
    if (writer.kind != kind) continue;
    std::filesystem::create_directories(place);
    writer.write(calls, place);
    return 0;
  }
  std::fprintf(stderr, "make_kernels emulated FILE | cuda DIR | metal DIR | metal-whole DIR\n");
  return 2;
}

}  // namespace
}  // namespace ingot::testing

int main(int argc, char** argv) {
  return ingot::testing::Run(argc == 3 ? argv[1] : "", argc == 3 ? argv[2] : "");
}
