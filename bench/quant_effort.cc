// What high effort buys and costs: mean squared error against the plain encoder's for every type on
// three distributions, and the speed of both on one thread. The table of docs/quantization.md.
//
//   bench_quant_effort
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/thread_pool.h"
#include "quant/encode.h"

namespace {

using namespace ingot;         // NOLINT: a program
using namespace ingot::quant;  // NOLINT

constexpr uint64_t kRows = 512;
constexpr uint64_t kColumns = 4096;

enum class Shape { kGauss, kLaplace, kOutliers };
constexpr struct {
  Shape shape;
  const char* name;
} kShapes[] = {{Shape::kGauss, "Gaussian"},
               {Shape::kLaplace, "Laplace"},
               {Shape::kOutliers, "1 % outliers, ten times larger"}};

std::vector<std::byte> Draw(Shape shape, double sigma) {
  std::vector<std::byte> bytes(kRows * kColumns * 2);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  std::uniform_real_distribution<double> uniform;
  for (uint64_t i = 0; i < kRows * kColumns; ++i) {
    double x = normal(random);
    if (shape == Shape::kLaplace) x = std::copysign(exponential(random), x);
    if (shape == Shape::kOutliers && uniform(random) < 0.01) x *= 10;
    StoreFloat(FloatType::kBF16, static_cast<float>(sigma * x), bytes.data(), i);
  }
  return bytes;
}

struct Outcome {
  double mean_squared_error;
  double gigabytes_a_second;
};

// Of one thread: other programs on the machine hardly disturb it.
double ProcessorSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Outcome Measure(Format format, std::span<const std::byte> source, Effort effort) {
  static core::ThreadPool one(1);
  const QuantizedSizes sizes = *SizesFor(format, FloatType::kBF16, kRows, kColumns);
  std::vector<std::byte> codes(sizes.codes), scales(sizes.scales), biases(sizes.biases);
  const FloatRows rows{FloatType::kBF16, kRows, kColumns, source};
  QuantError error;
  EncodeOptions options{.effort = effort, .error = &error, .pool = &one};
  double seconds = 1e9;
  for (int round = 0; round < 4; ++round) {
    EncodeSummary summary;
    const double begin = ProcessorSeconds();
    const core::Status status = Encode(format, rows, {codes, scales, biases}, &summary, options);
    const double took = ProcessorSeconds() - begin;
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
      std::exit(1);
    }
    if (round > 0) seconds = std::min(seconds, took);  // the first one also measures errors
    options.error = nullptr;
  }
  return {error.MeanSquaredError(), static_cast<double>(source.size()) / 1e9 / seconds};
}

void PrintTypes() {
  std::printf("bf16, %llu rows of %llu, standard deviation 0.02; one thread, %s\n",
              static_cast<unsigned long long>(kRows), static_cast<unsigned long long>(kColumns),
              std::string(core::IsaName(core::ActiveIsa())).c_str());
  std::printf("%-6s %-31s %11s %11s %9s %12s %12s\n", "type", "distribution", "plain MSE",
              "high MSE", "less", "plain GB/s", "high GB/s");
  for (const auto& [shape, name] : kShapes) {
    const std::vector<std::byte> source = Draw(shape, 0.02);
    for (const TypeInfo& type : Types()) {
      const Outcome plain = Measure(type.format, source, Effort::kPlain);
      const Outcome high = Measure(type.format, source, Effort::kHigh);
      const double less = 100 * (1 - high.mean_squared_error / plain.mean_squared_error);
      std::printf("%-6s %-31s %11.4e %11.4e %8.1f%% %12.2f %12.2f\n",
                  std::string(type.name).c_str(), name, plain.mean_squared_error,
                  high.mean_squared_error, less, plain.gigabytes_a_second, high.gigabytes_a_second);
    }
  }
}

// What a search can gain depends on how wide the values spread: a power of two may just fit or just
// not, and nvfp4's scales are coarse where they are small. So: over an octave of standard
// deviations, in eighths.
void PrintOctave(double lowest) {
  std::printf("\nless mean squared error for standard deviations of %g to %g: least, mean, most\n",
              lowest, 2 * lowest);
  for (const auto& [shape, name] : kShapes) {
    for (std::string_view type : {"int4", "nvfp4", "mxfp4"}) {
      const Format format = *ParseType(type);
      std::vector<double> gains;
      for (int eighth = 0; eighth < 8; ++eighth) {
        const std::vector<std::byte> source = Draw(shape, lowest * std::exp2(eighth / 8.0));
        const double plain = Measure(format, source, Effort::kPlain).mean_squared_error;
        const double high = Measure(format, source, Effort::kHigh).mean_squared_error;
        gains.push_back(100 * (1 - high / plain));
      }
      const auto [least, most] = std::minmax_element(gains.begin(), gains.end());
      std::printf("%-6s %-31s %5.1f%% %5.1f%% %5.1f%%\n", std::string(type).c_str(), name, *least,
                  std::accumulate(gains.begin(), gains.end(), 0.0) / 8, *most);
    }
  }
}

}  // namespace

int main() {
  PrintTypes();
  PrintOctave(0.02);
  PrintOctave(1);
  return 0;
}
