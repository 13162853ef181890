// Products of activations with weights on the CPU, every mode: one row as GB/s of weights read and
// as a share of what memory gives, many rows as GFLOP/s and as a share of the peak, both limits
// measured in this process; beside them MLX's own operation on the same weights.
//
//   bench_kernels [--threads N] [--rows N] [--outputs N] [--inputs N] [--matrices N] [--form NAME]
//                 [--type bf16|f32] [--weights NAME] [--rounds N] [--cpu-time] [--no-mlx]
//                 [--cold]
//
// One row passes over `matrices` different matrices, more than caches hold. --cpu-time counts the
// processor time of one thread instead of the clock: what is left of a measurement on a machine
// that others use too. With --cold many rows, too, meet different matrices, as they do in a model.
// The best of the rounds is shown.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <mlx/mlx.h>

#include "bench/limits.h"
#include "core/strings.h"
#include "kernels/product.h"
#include "ops/linear.h"

namespace {

using namespace ingot;           // NOLINT: a program
using namespace ingot::kernels;  // NOLINT
namespace mx = mlx::core;

struct Options {
  int threads = core::ThreadPool::DefaultThreads();
  size_t rows = 512;
  size_t outputs = 3072;
  size_t inputs = 1024;
  size_t matrices = 48;
  int rounds = 5;
  std::string form;
  std::string weights;  // what their names begin with
  FloatType type = FloatType::kBF16;
  bool cpu_time = false;
  bool cold = false;
  bool mlx = true;
};

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bench_kernels: %s\n", why.c_str());
  std::exit(1);
}

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto text = [&]() -> std::string {
      if (i + 1 >= argc) Die(name + " needs a value");
      return argv[++i];
    };
    const auto number = [&] {
      return static_cast<size_t>(std::strtoul(text().c_str(), nullptr, 10));
    };
    if (name == "--threads") {
      options.threads = static_cast<int>(number());
    } else if (name == "--rows") {
      options.rows = number();
    } else if (name == "--outputs") {
      options.outputs = number();
    } else if (name == "--inputs") {
      options.inputs = number();
    } else if (name == "--matrices") {
      options.matrices = number();
    } else if (name == "--rounds") {
      options.rounds = static_cast<int>(number());
    } else if (name == "--form") {
      options.form = text();
    } else if (name == "--weights") {
      options.weights = text();
    } else if (name == "--type") {
      options.type = text() == "f32" ? FloatType::kF32 : FloatType::kBF16;
    } else if (name == "--cpu-time") {
      options.cpu_time = true;
    } else if (name == "--cold") {
      options.cold = true;
    } else if (name == "--no-mlx") {
      options.mlx = false;
    } else {
      Die("unknown option " + name);
    }
  }
  if (options.inputs % 128 != 0 || options.inputs == 0 || options.matrices == 0) {
    Die("inputs is a multiple of 128, matrices at least 1");
  }
  if (options.cpu_time) options.threads = 1;
  return options;
}

struct Kind {
  const char* name;
  bool packed;
  quant::Format format;
};
constexpr Kind kKinds[] = {
    {"bf16", false, {}},
    {"int4 g64", true, {quant::Mode::kAffine, 4, 64}},
    {"int8 g64", true, {quant::Mode::kAffine, 8, 64}},
    {"int6 g64", true, {quant::Mode::kAffine, 6, 64}},
    {"int3 g64", true, {quant::Mode::kAffine, 3, 64}},
    {"nvfp4", true, {quant::Mode::kNvfp4, 4, 16}},
    {"mxfp4", true, {quant::Mode::kMxfp4, 4, 32}},
    {"mxfp8", true, {quant::Mode::kMxfp8, 8, 32}},
};

// Matrices one after the other, of bytes that decode to moderate numbers.
struct Stack {
  Stack(const Kind& kind, const Options& options) {
    one = {.layout = kind.packed ? LayoutOf(kind.format.mode) : Layout::kDense,
           .type = FloatType::kBF16,
           .format = kind.format,
           .outputs = options.outputs,
           .inputs = options.inputs};
    const bool affine = one.layout == Layout::kAffine;
    value_bytes = one.outputs * one.row_bytes();
    scale_bytes = one.outputs * one.groups() * (affine ? 2 : 1);
    values.resize(options.matrices * value_bytes);
    scales.resize(options.matrices * scale_bytes);
    if (affine) biases.resize(scales.size());
    std::mt19937_64 random(options.matrices);
    for (size_t i = 0; i + 8 <= values.size(); i += 8) {
      // Exponents below that of 2: as bf16 and as 8-bit floats these bits are ordinary numbers.
      const uint64_t bits =
          random() & (kind.packed ? 0xbfbfbfbfbfbfbfbfULL : 0xbfffbfffbfffbfffULL);
      std::memcpy(values.data() + i, &bits, 8);
    }
    for (size_t i = 0; i + 2 <= scales.size(); i += 2) {
      const uint16_t scale = affine                                    ? 0x3c00
                             : kind.format.mode == quant::Mode::kNvfp4 ? 0x3838
                                                                       : 0x7878;
      std::memcpy(scales.data() + i, &scale, 2);
      if (affine) std::memset(biases.data() + i, 0xbc, 2);
    }
  }
  Matrix At(size_t index) const {
    Matrix matrix = one;
    matrix.values = values.data() + index * value_bytes;
    if (!scales.empty()) matrix.scales = scales.data() + index * scale_bytes;
    if (!biases.empty()) matrix.biases = biases.data() + index * scale_bytes;
    return matrix;
  }
  double bytes_each() const {
    return static_cast<double>(value_bytes + scale_bytes * (biases.empty() ? 1 : 2));
  }

  Matrix one;
  size_t value_bytes;
  size_t scale_bytes;
  std::vector<std::byte> values;
  std::vector<std::byte> scales;
  std::vector<std::byte> biases;
};

const Form* FormNamed(const Options& options, const Matrix& matrix) {
  if (options.form.empty()) return &FormFor(core::ActiveIsa(), matrix, options.type);
  for (const Form* form : SupportedForms()) {
    if (form->name != options.form) continue;
    const bool takes = !form->bf16 || options.type == FloatType::kBF16;
    return takes && form->serves(matrix) ? form : nullptr;
  }
  Die("no form " + options.form + " here");
}

// Tiles are measured wherever products would use them: unless a form is named.
const TileForm* TilesOf(const Options& options, const Matrix& matrix) {
  return options.form.empty() ? TilesFor(core::ActiveIsa(), matrix, options.type) : nullptr;
}

// Seconds for `rows` rows times each of the first `matrices`.
double Ours(const Options& options, const Form& form, const Stack& stack, size_t rows,
            size_t matrices, core::ThreadPool& pool) {
  const TileForm* tiles = TilesOf(options, stack.one);
  const size_t element = quant::SizeOf(options.type);
  std::vector<std::byte> x(rows * options.inputs * element);
  for (size_t i = 0; i < rows * options.inputs; ++i) {
    quant::StoreFloat(options.type, static_cast<float>(i % 17) * 0.1F - 0.8F, x.data(), i);
  }
  std::vector<std::byte> y(rows * options.outputs * element);
  std::vector<const std::byte*> from;
  std::vector<std::byte*> to;
  for (size_t r = 0; r < rows; ++r) {
    from.push_back(x.data() + r * options.inputs * element);
    to.push_back(y.data() + r * options.outputs * element);
  }
  return bench::BestTime(options.rounds, options.cpu_time, [&] {
    for (size_t i = 0; i < matrices; ++i) {
      const Segment segment{.matrix = stack.At(i), .rows = rows};
      Compute(tiles == nullptr ? PlanWithForm(form, segment.matrix)
                               : PlanWithTiles(*tiles, form, segment.matrix),
              {.segments = {&segment, 1},
               .type = options.type,
               .result_type = options.type,
               .bias_type = options.type,
               .x = from,
               .y = to},
              pool);
    }
  });
}

// Seconds for the same by MLX, of one matrix.
double Mlx(const Options& options, const Kind& kind, size_t rows) {
  const auto n = static_cast<int>(options.outputs);
  const auto k = static_cast<int>(options.inputs);
  const mx::Dtype type = options.type == FloatType::kF32 ? mx::float32 : mx::bfloat16;
  const mx::array x = mx::astype(mx::random::normal({static_cast<int>(rows), k}), type);
  const mx::array w = mx::astype(mx::random::normal({n, k}), mx::bfloat16);
  std::vector<mx::array> parts = {mx::astype(w, type)};
  const std::string mode(quant::InfoOf(kind.format.mode).name);
  if (kind.packed) parts = mx::quantize(w, kind.format.group_size, kind.format.bits, mode);
  const auto scale = [&](size_t i) {
    return parts[i].dtype() == mx::bfloat16 ? mx::astype(parts[i], type) : parts[i];
  };
  if (kind.packed) {
    parts[1] = scale(1);
    if (parts.size() > 2) parts[2] = scale(2);
  }
  mx::eval(parts);
  mx::eval(x);
  return bench::BestTime(1, false, [&] {
    mx::array y = kind.packed
                      ? mx::quantized_matmul(
                            x, parts[0], parts[1],
                            parts.size() > 2 ? std::optional<mx::array>(parts[2]) : std::nullopt,
                            true, kind.format.group_size, kind.format.bits, mode)
                      : mx::matmul(x, mx::transpose(parts[0]));
    mx::eval(y);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  core::ThreadPool pool(options.threads);
  const double bandwidth =
      bench::ReadBandwidth(pool, size_t{320} << 20, options.rounds, options.cpu_time);
  const double peak = bench::BestPeak(pool, options.rounds, options.cpu_time);
  std::printf("%d threads, memory is read at %.1f GB/s, the peak is %.0f GFLOP/s; %zu x %zu%s\n",
              options.threads, bandwidth * 1e-9, peak * 1e-9, options.outputs, options.inputs,
              options.cpu_time ? ", by processor time" : "");
  std::printf("%-10s %-12s %10s %7s %9s   %12s %7s %9s\n", "weights", "form", "1 row GB/s", "share",
              "MLX GB/s", "rows GFLOP/s", "share", "MLX");
  for (const Kind& kind : kKinds) {
    if (!std::string_view(kind.name).starts_with(options.weights)) continue;
    const Stack stack(kind, options);
    const Form* form = FormNamed(options, stack.one);
    if (form == nullptr) continue;
    const double one = Ours(options, *form, stack, 1, options.matrices, pool);
    const double read = stack.bytes_each() * static_cast<double>(options.matrices) / one;
    const size_t met = options.cold ? options.matrices : 1;
    const double many =
        Ours(options, *form, stack, options.rows, met, pool) / static_cast<double>(met);
    const double products =
        2.0 * static_cast<double>(options.rows * options.outputs * options.inputs);
    const TileForm* tiles = TilesOf(options, stack.one);
    std::string name(form->name);
    if (tiles != nullptr) name = core::StrCat(name, "+", tiles->name);
    std::printf("%-10s %-12s %10.2f %6.0f%%", kind.name, name.c_str(), read * 1e-9,
                100 * read / bandwidth);
    if (options.mlx) std::printf(" %9.2f", stack.bytes_each() / Mlx(options, kind, 1) * 1e-9);
    std::printf("   %12.0f %6.0f%%", products / many * 1e-9, 100 * products / many / peak);
    if (options.mlx) {
      constexpr size_t kFewer = 8;  // MLX takes as long for each row
      std::printf(" %9.1f", products * kFewer / static_cast<double>(options.rows) /
                                Mlx(options, kind, kFewer) * 1e-9);
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}
