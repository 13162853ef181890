// How fast a store is verified, beside what the machine allows, all measured in the same run:
//
//   bench_store_verify [--size BYTES] [--files N] [--rounds N] [--dir DIR]
//
// Writes one file of --size bytes (2 GiB) and a store whose model has --files blobs (16) of as many
// bytes together, and measures, in turn, --rounds times (5), the median being printed:
//
//   one file   SHA-256 of memory in one thread, a plain read of the file, and our HashFile of it
//   the store  SHA-256 of memory in every thread, a plain read of its blobs in every thread, and
//              `verify` of the store
//
// each with the files in the page cache ("warm") and, for reading and verifying, thrown out of it
// before ("cold"). The ratio is of ours to the slower of the other two: what is missing to 1 was
// lost between the disk and the processor. On a machine that is shared the clock says little; the
// processor time that ours takes beside hashing alone then says more.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <openssl/evp.h>

#include "core/clock.h"
#include "core/progress.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "store/blob_writer.h"
#include "store/hash_file.h"
#include "store/session.h"
#include "store/verify.h"

namespace {

using namespace ingot;
using Clock = std::chrono::steady_clock;

struct Options {
  uint64_t size = uint64_t{2} << 30;
  size_t files = 16;
  int rounds = 5;
  std::filesystem::path dir = std::filesystem::temp_directory_path();
};

[[noreturn]] void Die(std::string_view what) {
  std::fprintf(stderr, "bench_store_verify: %s\n", std::string(what).c_str());
  std::exit(1);
}

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) Die(flag + " needs a value");
    const auto number = core::ParseUint(argv[i + 1]);
    if (flag == "--dir") {
      options.dir = argv[i + 1];
    } else if (!number || *number == 0) {
      Die(flag + " needs a number");
    } else if (flag == "--size") {
      options.size = *number;
    } else if (flag == "--files") {
      options.files = *number;
    } else if (flag == "--rounds") {
      options.rounds = static_cast<int>(*number);
    } else {
      Die("unknown option " + flag);
    }
  }
  return options;
}

double Seconds(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of all threads, in the kernel and out of it. Says what the work costs also where other processes
// take the processors away.
double ProcessorSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// What one piece of work reached, in bytes a second: by the clock, and by the time of processors.
struct Rate {
  double wall = 0;
  double processor = 0;
};

Rate Run(double bytes, const std::function<void()>& work) {
  const double before = ProcessorSeconds();
  const double seconds = Seconds(work);
  return {bytes / seconds, bytes / (ProcessorSeconds() - before)};
}

double Median(const std::vector<Rate>& rates, double Rate::*which) {
  std::vector<double> values;
  for (const Rate& rate : rates) values.push_back(rate.*which);
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// As `openssl speed -evp sha256 -bytes 16384 -multi THREADS` does: each thread hashes the same 16
// KiB again and again, all of them together.
Rate HashMemory(int threads) {
  constexpr size_t kBlock = 16384;
  constexpr int kBlocks = 40'000;
  std::vector<std::thread> workers;
  return Run(static_cast<double>(kBlock) * kBlocks * threads, [&] {
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([] {
        const std::vector<unsigned char> block(kBlock, 0x5a);
        const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                         &EVP_MD_CTX_free);
        EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
        for (int i = 0; i < kBlocks; ++i) {
          EVP_DigestUpdate(context.get(), block.data(), block.size());
        }
        unsigned char digest[EVP_MAX_MD_SIZE];
        EVP_DigestFinal_ex(context.get(), digest, nullptr);
      });
    }
    for (std::thread& worker : workers) worker.join();
  });
}

void PlainRead(const std::filesystem::path& path) {
  constexpr size_t kBlock = size_t{1} << 20;
  const auto file = core::Env::Posix().OpenRead(path, core::Access::kSequential);
  if (!file.ok()) Die(file.status().message());
  const uint64_t size = (*file)->Info()->size;
  std::vector<std::byte> block(kBlock);
  for (uint64_t offset = 0; offset < size; offset += kBlock) {
    const uint64_t part = std::min<uint64_t>(kBlock, size - offset);
    if (!(*file)->ReadAt(offset, std::span(block).first(part)).ok()) Die("cannot read");
  }
}

void PlainReadAll(const std::vector<std::filesystem::path>& paths) {
  core::ThreadPool::Shared().ParallelFor(paths.size(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) PlainRead(paths[i]);
  });
}

void ThrowOutOfCache(const std::vector<std::filesystem::path>& paths) {
  for (const auto& path : paths) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) {
      Die("cannot drop the page cache of " + path.string());
    }
    close(fd);
  }
}

// A model of `files` blobs, `size` bytes together; every blob is different.
std::vector<std::filesystem::path> FillStore(const store::Store& store, uint64_t size,
                                             size_t files) {
  auto session = store::WriteSession::Begin(store);
  if (!session.ok()) Die(session.status().message());
  std::vector<store::Layer> layers;
  std::vector<std::filesystem::path> paths;
  const auto put = [&](const store::BlobInfo& blob, std::string_view type) {
    layers.push_back({std::string(type), blob.digest, blob.size, "", ""});
    paths.push_back(store.layout().Blob(blob.digest));
  };
  for (size_t i = 0; i < files; ++i) {
    auto writer = (*session)->NewBlob();
    if (!writer.ok()) Die(writer.status().message());
    std::string block(size_t{1} << 20, static_cast<char>(i));
    for (uint64_t left = size / files; left > 0;) {
      block[0] = static_cast<char>(left >> 20);
      const size_t part = std::min<uint64_t>(left, block.size());
      if (!(*writer)->Append(std::string_view(block).substr(0, part)).ok()) Die("cannot write");
      left -= part;
    }
    const auto blob = (*writer)->Commit();
    if (!blob.ok()) Die(blob.status().message());
    put(*blob, store::kLicenseMediaType);  // any type whose content is not parsed
  }
  const auto config = (*session)->PutBlob("{}");
  if (!config.ok()) Die(config.status().message());
  const store::Manifest manifest{
      .config = {std::string(store::kConfigMediaType), config->digest, config->size, "", ""},
      .layers = layers};
  const auto model = (*session)->Commit(*store::ModelName::Parse("bench"), manifest);
  if (!model.ok()) Die(model.status().message());
  return paths;
}

struct Line {
  const char* title;
  std::vector<Rate> hash, read, ours;

  void Print() const {
    const double h = Median(hash, &Rate::wall), r = Median(read, &Rate::wall);
    const double o = Median(ours, &Rate::wall);
    std::printf("%-15s  sha256 of memory %6.2f   plain read %6.2f   ours %6.2f GB/s   ratio %.3f",
                title, h * 1e-9, r * 1e-9, o * 1e-9, o / std::min(h, r));
    std::printf("   (processor time beside sha256 alone: %.3f)\n",
                Median(hash, &Rate::processor) / Median(ours, &Rate::processor));
  }
};

void Measure(const Options& options, const std::filesystem::path& root) {
  const store::Store one(core::Env::Posix(), core::Clock::System(), root / "one");
  const store::Store many(core::Env::Posix(), core::Clock::System(), root / "many");
  const auto file = FillStore(one, options.size, 1);
  const auto files = FillStore(many, options.size, options.files);
  const double bytes = static_cast<double>(options.size);
  const int threads = core::ThreadPool::Shared().threads();
  std::printf("%s in one file and in %zu; %d threads; median of %d rounds\n",
              core::HumanBytes(options.size).c_str(), options.files, threads, options.rounds);

  const auto hash_file = [&] {
    if (!store::HashFile(core::Env::Posix(), file[0]).ok()) Die("cannot hash");
  };
  const auto verify = [&] {
    const auto sink = core::MakeNullSink();
    const auto report = store::VerifyStore(many, {}, *sink);
    if (!report.ok() || !report->Clean()) Die("the store is not clean");
  };
  Line lines[] = {{"one file, warm", {}, {}, {}},
                  {"one file, cold", {}, {}, {}},
                  {"store, warm", {}, {}, {}},
                  {"store, cold", {}, {}, {}}};
  for (int round = 0; round < options.rounds; ++round) {
    for (const bool cold : {false, true}) {
      Line& single = lines[cold ? 1 : 0];
      Line& whole = lines[cold ? 3 : 2];
      const auto prepare = [&](const auto& paths) {
        if (cold) {
          ThrowOutOfCache(paths);
        } else if (round == 0) {
          PlainReadAll(paths);
        }
      };
      single.hash.push_back(HashMemory(1));
      prepare(file);
      single.read.push_back(Run(bytes, [&] { PlainRead(file[0]); }));
      prepare(file);
      single.ours.push_back(Run(bytes, hash_file));
      whole.hash.push_back(HashMemory(threads));
      prepare(files);
      whole.read.push_back(Run(bytes, [&] { PlainReadAll(files); }));
      prepare(files);
      whole.ours.push_back(Run(bytes, verify));
    }
  }
  for (const Line& line : lines) line.Print();
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  std::string pattern = (options.dir / "ingot-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) Die("cannot make a directory in " + options.dir.string());
  Measure(options, pattern);
  std::filesystem::remove_all(pattern);
  return 0;
}
