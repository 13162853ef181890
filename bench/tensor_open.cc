// Opening weights. Two shapes of model that hurt: one file of 50,000 tensors, and 46,000 files of
// one tensor each within the usual limits of descriptors (1,024) and mappings (65,530).
//
// Beside each stands what the machine asks for anyway, measured in the same run: reading the same
// header bytes, and opening, looking at and closing the same files.
//
//   bench_tensor_open [TENSORS] [FILES]
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "core/strings.h"
#include "tensor/file.h"
#include "tensor/writer.h"

namespace {

using namespace ingot;
namespace fs = std::filesystem;

constexpr int kRepeats = 15;

[[noreturn]] void Die(const core::Status& status) {
  std::fprintf(stderr, "tensor_open: %s\n", std::string(status.message()).c_str());
  std::exit(1);
}

double Seconds(const std::function<void()>& function) {
  const auto start = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Timing {
  double median = 0;
  double least = 0;
};

Timing Repeat(const std::function<void()>& function) {
  std::vector<double> seconds;
  for (int i = 0; i < kRepeats; ++i) seconds.push_back(Seconds(function));
  std::sort(seconds.begin(), seconds.end());
  return {seconds[seconds.size() / 2], seconds.front()};
}

// A line of /proc/self/status, in KiB.
uint64_t StatusKib(std::string_view field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::strtoull(line.c_str() + field.size() + 1, nullptr, 10);
  }
  return 0;
}

size_t CountLines(const char* path) {
  std::ifstream file(path);
  size_t lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

size_t OpenDescriptors() {
  return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

class FileSink : public tensor::ByteSink {
 public:
  explicit FileSink(const fs::path& path) : file_(path, std::ios::binary) {}
  core::Status Write(std::span<const std::byte> data) override {
    file_.write(reinterpret_cast<const char*>(data.data()),
                static_cast<std::streamsize>(data.size()));
    return file_ ? core::Status::Ok() : core::IoError("cannot write the file to be measured");
  }

 private:
  std::ofstream file_;
};

void WriteModel(const fs::path& path, std::vector<tensor::TensorSpec> tensors) {
  const auto plan = tensor::SafetensorsPlan::Make(std::move(tensors));
  if (!plan.ok()) Die(plan.status());
  FileSink sink(path);
  tensor::SafetensorsWriter writer(*plan, sink);
  const std::vector<std::byte> data(plan->data_size());
  core::Status status = writer.Append(data);
  if (status.ok()) status = writer.Finish();
  if (!status.ok()) Die(status);
}

std::string ExpertName(size_t i) {
  return core::StrCat("model.layers.", i / 768, ".mlp.experts.", i / 3 % 256,
                      i % 3 == 0   ? ".gate_proj.weight"
                      : i % 3 == 1 ? ".up_proj.weight"
                                   : ".down_proj.weight");
}

tensor::SafetensorsFile MustOpen(const fs::path& path) {
  auto file = tensor::SafetensorsFile::Open(core::Env::Posix(), path);
  if (!file.ok()) Die(file.status());
  return *std::move(file);
}

void Report(const char* what, Timing timing, double bytes) {
  std::printf("  %-38s %8.2f ms median, %8.2f ms least, %7.0f MB/s\n", what, timing.median * 1e3,
              timing.least * 1e3, bytes / timing.median / 1e6);
}

void OneFileOfManyTensors(const fs::path& folder, size_t count) {
  const fs::path path = folder / "many.safetensors";
  std::vector<tensor::TensorSpec> tensors;
  for (size_t i = 0; i < count; ++i) {
    tensors.push_back({ExpertName(i), tensor::DType::kBF16, tensor::Shape{2, 8}});
  }
  WriteModel(path, std::move(tensors));

  const uint64_t before = StatusKib("VmRSS");
  const tensor::SafetensorsFile file = MustOpen(path);
  const uint64_t after = StatusKib("VmRSS");
  const auto header = static_cast<double>(file.header().data_begin());
  std::printf("one file of %zu tensors, header of %s\n", count,
              core::HumanBytes(file.header().data_begin()).c_str());
  std::printf("  memory: tables %s (%.2f of the header), process grew by %s\n",
              core::HumanBytes(file.header().MemoryBytes()).c_str(),
              static_cast<double>(file.header().MemoryBytes()) / header,
              core::HumanBytes((after - before) << 10).c_str());

  std::string text(file.header().data_begin() - tensor::kLengthBytes, '\0');
  const auto read = [&] {
    const auto reader = core::Env::Posix().OpenRead(path);
    if (!reader.ok()) Die(reader.status());
    const auto out = std::as_writable_bytes(std::span(text));
    if (const auto status = (*reader)->ReadAt(tensor::kLengthBytes, out); !status.ok()) Die(status);
  };
  Report("open (read, parse, check)", Repeat([&] { MustOpen(path); }), header);
  Report("read those bytes, nothing more", Repeat(read), header);
  Report("parse and check alone", Repeat([&] {
           const auto parsed = tensor::ParseHeader(text, file.info().size);
           if (!parsed.ok()) Die(parsed.status());
         }),
         header);
  Report("nlohmann::json tree of the same text", Repeat([&] {
           if (nlohmann::json::parse(text).size() != count) std::exit(1);
         }),
         header);
  const Timing find = Repeat([&] {
    for (size_t i = 0; i < count; ++i) {
      if (!file.header().IndexOf(ExpertName(i))) std::exit(1);
    }
  });
  std::printf("  %-38s %8.2f µs each\n", "find by name", find.median / count * 1e6);
}

void ManyFilesOfOneTensor(const fs::path& folder, size_t count) {
  const auto path_of = [&](size_t i) { return folder / core::StrCat(i, ".safetensors"); };
  for (size_t i = 0; i < count; ++i) {
    WriteModel(path_of(i), {{ExpertName(i), tensor::DType::kBF16, tensor::Shape{2, 8}}});
  }
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(1024, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);

  const auto each = [&](double seconds) { return seconds / static_cast<double>(count) * 1e6; };
  const double bare = Seconds([&] {
    for (size_t i = 0; i < count; ++i) {
      const int fd = open(path_of(i).c_str(), O_RDONLY | O_CLOEXEC);
      struct stat st = {};
      if (fd < 0 || fstat(fd, &st) != 0) std::exit(1);
      close(fd);
    }
  });
  std::vector<tensor::SafetensorsFile> files;
  files.reserve(count);
  const double opening = Seconds([&] {
    for (size_t i = 0; i < count; ++i) files.push_back(MustOpen(path_of(i)));
  });
  const double mapping = Seconds([&] {
    for (const tensor::SafetensorsFile& file : files) {
      if (const auto view = file.View(size_t{0}); !view.ok()) Die(view.status());
    }
  });
  std::printf("%zu files of one tensor, at most 1024 descriptors\n", count);
  std::printf(
      "  open, fstat, close: %.1f µs each; header read and checked: %.1f µs; mapped: %.1f µs\n",
      each(bare), each(opening), each(mapping));
  size_t memory = 0;
  for (const tensor::SafetensorsFile& file : files) {
    memory += sizeof file + file.path().native().size() + file.header().MemoryBytes();
  }
  std::printf("  in use: %zu descriptors, %zu mappings, %zu bytes of memory a file\n",
              OpenDescriptors(), CountLines("/proc/self/maps"), memory / count);
}

}  // namespace

int main(int argc, char** argv) {
  const size_t tensors = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  const size_t files = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 46'000;
  std::string pattern = (fs::temp_directory_path() / "ingot-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return 1;
  const fs::path folder = pattern;
  OneFileOfManyTensors(folder, tensors);
  ManyFilesOfOneTensor(folder, files);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return 0;
}
