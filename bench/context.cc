// What a long context costs: decoding's time a token and the cache it reads, prefill's time a
// token, at several lengths, against what this process measures of the memory and of fp32 products.
//
//   bench_context FOLDER [--cache int8] [--dtype TYPE] [--lengths 128,4096,32768] [--tokens 12]
//                 [--chunk 512] [--rounds 3] [--threads N] [--json FILE]
//
// Long caches are not read from a prompt: 256 tokens are, and their keys and values are repeated up
// to the length. Windows and recurrent states stay as those tokens left them. Every token and chunk
// that is timed is computed in full. At each length the median of all rounds counts; rounds go
// through the lengths in turn.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bench/limits.h"
#include "core/json.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "models/load.h"

namespace {

using namespace ingot;
namespace mx = ops::mx;
using ops::Array;

constexpr int kSeed = 256;  // tokens that are read

struct Options {
  std::string folder;
  std::optional<mx::Dtype> type;
  std::optional<mx::Dtype> cache;
  std::vector<int> lengths = {128, 4096, 32768};
  int tokens = 12;
  int chunk = 512;
  int rounds = 3;
  int threads = 0;
  std::string json;
};

int Fail(const std::string& message) {
  std::fprintf(stderr, "bench_context: %s\n", message.c_str());
  return 1;
}

bool Parse(int argc, char** argv, Options& options) {
  if (argc < 2 || argc % 2 != 0) return false;
  options.folder = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--cache" && std::strcmp(value, "int8") == 0) {
      options.cache = mx::int8;
    } else if (name == "--dtype") {
      options.type = models::ParseComputeType(value);
      if (!options.type) return false;
    } else if (name == "--lengths") {
      options.lengths.clear();
      for (const std::string_view part : core::Split(value, ',')) {
        options.lengths.push_back(std::max(std::atoi(std::string(part).c_str()), 1));
      }
    } else if (name == "--tokens") {
      options.tokens = std::max(std::atoi(value), 1);
    } else if (name == "--chunk") {
      options.chunk = std::max(std::atoi(value), 1);
    } else if (name == "--rounds") {
      options.rounds = std::max(std::atoi(value), 1);
    } else if (name == "--threads") {
      options.threads = std::atoi(value);
    } else if (name == "--json") {
      options.json = value;
    } else {
      return false;
    }
  }
  std::sort(options.lengths.begin(), options.lengths.end());
  return !options.lengths.empty();
}

std::vector<int> Tokens(int count, int vocabulary) {
  std::vector<int> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back((i * 131 + 17) % vocabulary);
  return tokens;
}

// Seconds of computing these tokens, with the logits of the last where they are wanted.
double Compute(const model::LanguageModel& model, model::SequenceState& state,
               const std::vector<int>& tokens, bool logits) {
  const double start = bench::Now(false);
  const Array ids(tokens.data(), {1, static_cast<int>(tokens.size())}, mx::int32);
  const Array hidden = model.Forward(ids, state);
  std::vector<Array> pending = state.Pending();
  if (logits) pending.push_back(mx::argmax(model.Logits(hidden), -1));
  mx::eval(std::move(pending));
  return bench::Now(false) - start;
}

// A state that stands at `length`, with room for `more`: columns repeated from the seed's.
model::SequenceState Filled(const model::SequenceState& seed, int length, int more) {
  std::vector<model::LayerCache> layers;
  for (size_t i = 0; i < seed.layers(); ++i) {
    model::LayerCache layer = seed.layer(i);
    std::visit(
        [&](auto& cache) {
          if constexpr (requires { cache.stores(); }) {
            std::vector<Array> rooms;
            for (const model::ColumnStore* store : cache.stores()) {
              mx::Shape end = store->room()->shape();
              end[2] = std::min(kSeed, seed.length());
              const Array some = mx::slice(*store->room(), {0, 0, 0, 0}, end);
              const int times = (length + more + end[2] - 1) / end[2];
              rooms.push_back(mx::contiguous(mx::tile(some, {1, 1, times, 1})));
            }
            mx::eval(rooms);
            cache.Restore(std::move(rooms), length);
          }
        },
        layer);
    layers.push_back(std::move(layer));
  }
  model::SequenceState state(std::move(layers));
  state.Advance(length);
  return state;
}

// What a column takes, of all layers that have one a position.
size_t ColumnBytes(const model::SequenceState& state) {
  size_t bytes = 0;
  for (size_t i = 0; i < state.layers(); ++i) {
    std::visit(
        [&](const auto& cache) {
          if constexpr (requires { cache.stores(); }) {
            for (const model::ColumnStore* store : cache.stores()) {
              bytes += store->bytes() / static_cast<size_t>(store->room()->shape(2));
            }
          }
        },
        state.layer(i));
  }
  return bytes;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Times {
  std::vector<double> decode;  // seconds a token
  std::vector<double> prefill;
};

void Print(const Options& options, std::map<int, Times>& times, double column, double memory,
           double peak, core::Json& rows) {
  std::printf("\n%8s %12s %12s %12s %10s %12s\n", "context", "cache, MB", "decode, ms", "added, ms",
              "GB/s", "of memory");
  const int first = options.lengths.front();
  const double base = Median(times[first].decode);
  for (const int length : options.lengths) {
    const double token = Median(times[length].decode);
    const double added = token - base;
    const double speed = added > 0 ? column * (length - first) / added : 0;
    std::printf("%8d %12.1f %12.2f %12.2f %10.1f %10.0f %%\n", length, column * length * 1e-6,
                token * 1e3, added * 1e3, speed * 1e-9, 100 * speed / memory);
    rows.push_back({{"context", length},
                    {"cache_bytes", column * length},
                    {"decode_ms", token * 1e3},
                    {"prefill_ms", Median(times[length].prefill) * 1e3}});
  }
  std::printf("\n%8s %16s %22s\n", "context", "prefill, ms", "added a 1,000 tokens, ms");
  const double start = Median(times[first].prefill);
  for (const int length : options.lengths) {
    const double token = Median(times[length].prefill);
    const double slope = length > first ? (token - start) / (length - first) : 0;
    std::printf("%8d %16.3f %22.4f\n", length, token * 1e3, slope * 1e6);
  }
  std::printf("\nfp32 products of this process: %.0f GFLOP/s\n", peak * 1e-9);
}

int Run(const Options& options) {
  core::ThreadPool::SetSharedThreads(options.threads);
  core::ThreadPool& pool = core::ThreadPool::Shared();
  auto loaded = models::LoadFolder(core::Env::Posix(), options.folder, options.type, options.cache);
  if (!loaded.ok()) return Fail(std::string(loaded.status().message()));
  const model::LanguageModel& model = **loaded;
  const int vocabulary = model.shape().vocabulary;

  model::SequenceState seed = model.NewState();
  Compute(model, seed, Tokens(kSeed, vocabulary), true);
  const auto column = static_cast<double>(ColumnBytes(seed));
  const std::vector<int> chunk = Tokens(options.chunk, vocabulary);

  std::map<int, Times> times;
  double memory = 0;
  double peak = 0;
  for (int round = 0; round < options.rounds; ++round) {
    memory = std::max(memory, bench::ReadBandwidth(pool, size_t{1} << 29, 2, false));
    peak = std::max(peak,
                    bench::MeasurePeak(bench::kPeaks[core::Cpu().avx512 ? 1 : 0], pool, 2, false));
    for (const int length : options.lengths) {
      model::SequenceState state = Filled(seed, length, options.chunk + options.tokens + 2);
      Compute(model, state, {1}, true);  // not counted: pages that are touched for the first time
      for (int i = 0; i < options.tokens; ++i) {
        times[length].decode.push_back(Compute(model, state, {i % vocabulary}, true));
      }
      times[length].prefill.push_back(Compute(model, state, chunk, false) / options.chunk);
      std::fprintf(stderr, "round %d, %d tokens: decode %.2f ms, prefill %.3f ms a token\n",
                   round + 1, length, Median(times[length].decode) * 1e3,
                   times[length].prefill.back() * 1e3);
      mx::clear_cache();
    }
  }
  std::printf("%s, %d threads, keys and values in %s, %.0f bytes a token of context\n",
              options.folder.c_str(), pool.threads(), options.cache ? "int8" : "full", column);
  std::printf(
      "caches repeat the columns of %d tokens; medians of %d rounds; memory is read at "
      "%.1f GB/s\n",
      kSeed, options.rounds, memory * 1e-9);
  core::Json rows = core::Json::array();
  Print(options, times, column, memory, peak, rows);
  if (!options.json.empty()) {
    const core::Json report = {
        {"model", options.folder},   {"cache", options.cache ? "int8" : "full"},
        {"threads", pool.threads()}, {"chunk", options.chunk},
        {"column_bytes", column},    {"memory_bytes_per_second", memory},
        {"fp32_flops", peak},        {"rows", rows}};
    std::ofstream(options.json) << report.dump(1) << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: bench_context FOLDER [--cache int8] [--dtype TYPE] [--lengths N,N,...] "
                 "[--tokens N] [--chunk N] [--rounds N] [--threads N] [--json FILE]\n");
    return 2;
  }
  return Run(options);
}
