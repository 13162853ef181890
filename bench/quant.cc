// Quantizing and dequantizing, every mode: GB/s of the float side, one thread and all, beside
// memcpy of the same array and beside mlx.core on the same array, all in one run, in turns: the
// median of the rounds, and the best one, which other programs on the machine disturbed least.
//
//   bench_quant [--rows N] [--columns N] [--rounds N] [--type F32|F16|BF16] [--only MODE] [--bits
//   N]
//               [--forms] [--no-mlx] [--cpu-time]
//
// --forms measures every instruction set of the machine on one thread instead of MLX. --cpu-time
// counts processor time, ours divided by the threads, in place of time: what is left of a
// measurement on a machine that many programs share.
// bench/quant_mlx.py is the other side: a Python process that waits while we measure.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cpu.h"
#include "core/thread_pool.h"
#include "quant/decode.h"
#include "quant/encode.h"

namespace {

using namespace ingot;         // NOLINT: a program
using namespace ingot::quant;  // NOLINT

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bench_quant: %s\n", why.c_str());
  std::exit(1);
}

// Page-aligned memory in large pages where the system has them, touched.
class Buffer {
 public:
  explicit Buffer(size_t bytes) : bytes_((bytes + kLarge - 1) / kLarge * kLarge + kLarge) {
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(kLarge, bytes_)));
    if (data_ == nullptr) Die("out of memory");
    madvise(data_.get(), bytes_, MADV_HUGEPAGE);
    std::memset(data_.get(), 1, bytes_);
    size_ = bytes;
  }
  std::span<std::byte> span() const { return {data_.get(), size_}; }

 private:
  static constexpr size_t kLarge = size_t{2} << 20;
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  size_t bytes_;
  size_t size_ = 0;
  std::unique_ptr<std::byte, Free> data_;
};

// Seconds since some moment: of the day, or of processors working for this process.
double Now(bool cpu_time) {
  timespec now = {};
  clock_gettime(cpu_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Options {
  uint64_t rows = 4096;
  uint64_t columns = 16384;
  int rounds = 5;
  FloatType type = FloatType::kBF16;
  std::optional<Mode> only;
  std::optional<uint64_t> bits;
  bool forms = false;
  bool mlx = true;
  bool cpu_time = false;
};

// The Python process: one line to it names a piece of work, one line back is its seconds.
class Mlx {
 public:
  Mlx(const std::string& array, const Options& options) {
    int to[2];
    int from[2];
    if (pipe(to) != 0 || pipe(from) != 0) Die("pipe failed");
    child_ = fork();
    if (child_ < 0) Die("fork failed");
    if (child_ == 0) {
      dup2(to[0], 0);
      dup2(from[1], 1);
      for (int fd : {to[0], to[1], from[0], from[1]}) close(fd);
      const std::string python = INGOT_SOURCE_DIR "/.deps/venv/bin/python";
      const std::string script = INGOT_SOURCE_DIR "/bench/quant_mlx.py";
      execl(python.c_str(), python.c_str(), script.c_str(), array.c_str(),
            std::to_string(options.rows).c_str(), std::to_string(options.columns).c_str(),
            std::string(NameOf(options.type)).c_str(), options.cpu_time ? "cpu" : "wall", nullptr);
      std::fprintf(stderr, "bench_quant: cannot run %s (make deps)\n", python.c_str());
      _exit(1);
    }
    close(to[0]);
    close(from[1]);
    to_ = fdopen(to[1], "w");
    from_ = fdopen(from[0], "r");
    std::fputs("ready\n", to_);
    Answer();
  }
  ~Mlx() {
    std::fclose(to_);
    std::fclose(from_);
    waitpid(child_, nullptr, 0);
  }
  Mlx(const Mlx&) = delete;
  Mlx& operator=(const Mlx&) = delete;

  double Time(std::string_view verb, Format format, uint64_t rows) {
    std::fprintf(to_, "%s %s %d %d %llu\n", std::string(verb).c_str(),
                 std::string(InfoOf(format.mode).name).c_str(), format.bits, format.group_size,
                 static_cast<unsigned long long>(rows));
    return Answer();
  }

 private:
  double Answer() {
    std::fflush(to_);
    double seconds = 0;
    if (std::fscanf(from_, "%lf", &seconds) != 1)
      Die("the MLX side ended; use --no-mlx without it");
    return seconds;
  }
  pid_t child_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

uint64_t ParseCount(const char* text) {
  uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, value);
  if (parsed.ptr != end || value == 0) Die(std::string("not a count: ") + text);
  return value;
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const auto value = [&] {
      if (++i == argc) Die(std::string(flag) + " needs a value");
      return argv[i];
    };
    if (flag == "--rows") {
      options.rows = ParseCount(value());
    } else if (flag == "--columns") {
      options.columns = ParseCount(value());
    } else if (flag == "--rounds") {
      options.rounds = static_cast<int>(ParseCount(value()));
    } else if (flag == "--type") {
      const std::string_view name = value();
      bool found = false;
      for (FloatType type : {FloatType::kF32, FloatType::kF16, FloatType::kBF16}) {
        if (NameOf(type) == name) {
          options.type = type;
          found = true;
        }
      }
      if (!found) Die("the type is F32, F16 or BF16");
    } else if (flag == "--only") {
      options.only = ParseMode(value());
      if (!options.only) Die("--only takes a mode, such as affine");
    } else if (flag == "--bits") {
      options.bits = ParseCount(value());
    } else if (flag == "--forms") {
      options.forms = true;
      options.mlx = false;
    } else if (flag == "--cpu-time") {
      options.cpu_time = true;
    } else if (flag == "--no-mlx") {
      options.mlx = false;
    } else {
      Die("unknown option " + std::string(flag));
    }
  }
  if (options.columns % 128 != 0) Die("--columns must be a multiple of 128");
  return options;
}

// One tensor, its quantized form, and its decoded form.
class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        bytes_(options.rows * options.columns * SizeOf(options.type)),
        source_(bytes_),
        decoded_(bytes_),
        codes_(bytes_),
        scales_(bytes_ / 8),
        biases_(bytes_ / 8) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 0.02f);
    for (size_t i = 0; i < options.rows * options.columns; ++i) {
      StoreFloat(options.type, normal(random), source_.span().data(), i);
    }
  }

  double Gigabytes() const { return static_cast<double>(bytes_) / 1e9; }
  std::span<const std::byte> source() const { return source_.span(); }

  double Encode(Format format, core::ThreadPool& pool, core::Isa isa) {
    return Seconds(pool, [&] {
      EncodeSummary summary;
      const core::Status status =
          quant::Encode(format, {options_.type, options_.rows, options_.columns, source_.span()},
                        Parts(format), &summary, {.pool = &pool, .isa = isa});
      if (!status.ok()) Die(std::string(status.message()));
    });
  }
  double Decode(Format format, core::ThreadPool& pool, core::Isa isa) {
    const QuantizedBytes parts = Parts(format);
    return Seconds(pool, [&] {
      const core::Status status =
          quant::Decode({.format = format,
                         .scale_type = options_.type,
                         .rows = options_.rows,
                         .columns = options_.columns,
                         .codes = parts.codes,
                         .scales = parts.scales,
                         .biases = parts.biases},
                        options_.type, decoded_.span(), {.pool = &pool, .isa = isa});
      if (!status.ok()) Die(std::string(status.message()));
    });
  }
  double Copy(core::ThreadPool& pool) {
    return Seconds(pool, [&] {
      pool.ParallelFor(bytes_, size_t{1} << 20, [&](size_t begin, size_t end) {
        std::memcpy(decoded_.span().data() + begin, source_.span().data() + begin, end - begin);
      });
    });
  }

 private:
  double Seconds(core::ThreadPool& pool, const std::function<void()>& work) const {
    const double begin = Now(options_.cpu_time);
    work();
    const double took = Now(options_.cpu_time) - begin;
    return options_.cpu_time ? took / static_cast<double>(pool.threads()) : took;
  }
  QuantizedBytes Parts(Format format) {
    const QuantizedSizes sizes = *SizesFor(format, options_.type, options_.rows, options_.columns);
    return {codes_.span().first(sizes.codes), scales_.span().first(sizes.scales),
            biases_.span().first(sizes.biases)};
  }

  Options options_;
  uint64_t bytes_;
  Buffer source_, decoded_, codes_, scales_, biases_;
};

// Seconds of one piece of work on one thread, on all, and on MLX.
struct Times {
  std::vector<double> one, all, mlx;
};

double Best(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

// GB/s of each side and how many times MLX's that is, by one way to choose among the rounds.
void PrintRates(double gigabytes, double mlx_gigabytes, const Times& times,
                const std::function<double(const std::vector<double>&)>& choose) {
  const double one = gigabytes / choose(times.one);
  const double all = gigabytes / choose(times.all);
  std::printf(" |%7.2f %7.2f", one, all);
  if (times.mlx.empty()) return;
  const double mlx = mlx_gigabytes / choose(times.mlx);
  std::printf(" %7.3f %5.0fx %5.0fx", mlx, one / mlx, all / mlx);
}

void PrintTimes(const char* what, Format format, double gigabytes, const Times& times,
                double mlx_gigabytes) {
  std::printf("%s %-6s %d/%-3d", what, std::string(InfoOf(format.mode).name).c_str(), format.bits,
              format.group_size);
  PrintRates(gigabytes, mlx_gigabytes, times, Median);
  PrintRates(gigabytes, mlx_gigabytes, times, Best);
  std::printf("\n");
  std::fflush(stdout);
}

// MLX takes seconds where we take milliseconds: it gets the first rows of the array alone.
uint64_t MlxRows(Format format, uint64_t rows) {
  const bool slow = format.mode == Mode::kNvfp4 || format.mode == Mode::kMxfp4;
  return std::max<uint64_t>(1, rows / (slow ? 32 : 4));
}

void MeasureAll(const Options& options, Bench& bench, Mlx* mlx) {
  core::ThreadPool one(1);
  core::ThreadPool all(core::ThreadPool::DefaultThreads());
  const core::Isa isa = core::ActiveIsa();
  std::vector<Format> formats;
  for (uint64_t bits : {4, 8, 2, 3, 5, 6}) formats.push_back(*MakeFormat(Mode::kAffine, bits, 64));
  formats.push_back(*MakeFormat(Mode::kAffine, 4, 32));
  formats.push_back(*MakeFormat(Mode::kAffine, 4, 128));
  for (std::string_view name : {"mxfp8", "mxfp4", "nvfp4"}) formats.push_back(*ParseType(name));

  if (options.only) std::erase_if(formats, [&](Format f) { return f.mode != *options.only; });
  if (options.bits) std::erase_if(formats, [&](Format f) { return f.bits != *options.bits; });

  Times copy;
  std::vector<Times> encode(formats.size());
  std::vector<Times> decode(formats.size());
  for (int round = -1; round < options.rounds; ++round) {  // the first one warms up
    std::vector<double> ignored;
    const auto keep = [&](std::vector<double>& times, double seconds) {
      (round < 0 ? ignored : times).push_back(seconds);
    };
    keep(copy.one, bench.Copy(one));
    keep(copy.all, bench.Copy(all));
    for (size_t i = 0; i < formats.size(); ++i) {
      const Format format = formats[i];
      keep(encode[i].one, bench.Encode(format, one, isa));
      keep(encode[i].all, bench.Encode(format, all, isa));
      keep(decode[i].one, bench.Decode(format, one, isa));
      keep(decode[i].all, bench.Decode(format, all, isa));
      if (mlx == nullptr) continue;
      const uint64_t rows = MlxRows(format, options.rows);
      keep(encode[i].mlx, mlx->Time("quantize", format, rows));
      keep(decode[i].mlx, mlx->Time("dequantize", format, rows));
    }
  }
  const double gigabytes = bench.Gigabytes();
  std::printf("GB/s of the float side by %s; %d threads in all; kernels: %s\n",
              options.cpu_time ? "processor time" : "the clock", all.threads(),
              std::string(core::IsaName(isa)).c_str());
  std::printf("memcpy (bytes copied a second): %.2f on one thread, %.2f on all; best %.2f, %.2f\n",
              gigabytes / Median(copy.one), gigabytes / Median(copy.all),
              gigabytes / Best(copy.one), gigabytes / Best(copy.all));
  const char* columns =
      mlx == nullptr ? " | thread     all" : " | thread     all     MLX thread    all";
  const int width = static_cast<int>(std::strlen(columns)) - 3;
  std::printf("%19s | %-*s | %s\n", "", width, "median of the rounds", "best round");
  std::printf("%19s%s%s\n", "", columns, columns);
  for (size_t i = 0; i < formats.size(); ++i) {
    const double share =
        static_cast<double>(MlxRows(formats[i], options.rows)) / static_cast<double>(options.rows);
    PrintTimes("encode", formats[i], gigabytes, encode[i], gigabytes * share);
    PrintTimes("decode", formats[i], gigabytes, decode[i], gigabytes * share);
  }
}

void MeasureForms(const Options& options, Bench& bench) {
  core::ThreadPool one(1);
  for (core::Isa isa : core::SupportedIsas()) {
    for (const TypeInfo& type : Types()) {
      std::vector<double> encode;
      std::vector<double> decode;
      for (int round = 0; round < options.rounds; ++round) {
        encode.push_back(bench.Encode(type.format, one, isa));
        decode.push_back(bench.Decode(type.format, one, isa));
      }
      std::printf("%-9s %-6s encode %6.2f GB/s, decode %6.2f GB/s\n",
                  std::string(core::IsaName(isa)).c_str(), std::string(type.name).c_str(),
                  bench.Gigabytes() / Median(encode), bench.Gigabytes() / Median(decode));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Bench bench(options);
  std::printf("%s, %llu rows of %llu values: %.0f MB\n", std::string(NameOf(options.type)).c_str(),
              static_cast<unsigned long long>(options.rows),
              static_cast<unsigned long long>(options.columns), bench.Gigabytes() * 1e3);
  if (options.forms) {
    MeasureForms(options, bench);
    return 0;
  }
  std::unique_ptr<Mlx> mlx;
  char path[] = "/tmp/bench_quant_XXXXXX";
  if (options.mlx) {
    const int fd = mkstemp(path);
    const std::span<const std::byte> bytes = bench.source();
    if (fd < 0 || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      Die("cannot write the array to a temporary file");
    }
    close(fd);
    mlx = std::make_unique<Mlx>(path, options);
    unlink(path);
  }
  MeasureAll(options, bench, mlx.get());
  return 0;
}
