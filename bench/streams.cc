// How much more several answers at once give than one: tokens a second of 1, 2, 4, 8 and 16 streams
// of the scheduler, each from a prompt of its own, on the model in a folder.
//
//   bench_streams FOLDER [TOKENS] [DTYPE] [STREAMS]
//
// With STREAMS only so many, beside one.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/clock.h"
#include "engine/scheduler.h"
#include "models/load.h"

namespace {

using namespace ingot;

class Counting final : public engine::TokenListener {
 public:
  void OnPrompt(const engine::PromptReport&) override {}
  bool OnToken(const engine::GeneratedToken&) override { return true; }
  void OnEnd(core::Result<engine::GenerationResult> result) override {
    const std::lock_guard lock(mutex_);
    seconds_ = result.ok() ? result->timings.decode_seconds : 0;
    done_ = true;
    changed_.notify_all();
  }
  double Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    return seconds_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  double seconds_ = 0;
};

double TokensPerSecond(engine::ModelService& service, int vocabulary, int streams, int tokens) {
  const int64_t start = core::Clock::System().MonotonicNs();
  std::vector<std::shared_ptr<Counting>> listeners;
  for (int i = 0; i < streams; ++i) {
    engine::TokenRequest request;
    for (int j = 0; j < 8; ++j) request.prompt.push_back((i * 131 + j * 17 + 1) % vocabulary);
    request.sampling.temperature = 0;
    request.limits.max_tokens = tokens;
    request.reuse_prefix = false;
    listeners.push_back(std::make_shared<Counting>());
    if (!service.Submit(std::move(request), listeners.back()).ok()) return 0;
  }
  for (const auto& listener : listeners) listener->Wait();
  const auto ns = static_cast<double>(core::Clock::System().MonotonicNs() - start);
  return streams * tokens / (ns * 1e-9);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_streams FOLDER [TOKENS] [DTYPE] [STREAMS]\n");
    return 2;
  }
  const int tokens = argc > 2 ? std::atoi(argv[2]) : 64;
  const auto type = argc > 3 ? models::ParseComputeType(argv[3]) : std::nullopt;
  const int only = argc > 4 ? std::atoi(argv[4]) : 0;
  const auto thread = std::make_shared<engine::EngineThread>();
  std::unique_ptr<model::LanguageModel> model;
  std::string error;
  thread->Run([&] {
    auto loaded = models::LoadFolder(core::Env::Posix(), argv[1], type);
    if (loaded.ok()) model = *std::move(loaded);
    if (!loaded.ok()) error = loaded.status().message();
  });
  if (!model) {
    std::fprintf(stderr, "bench_streams: %s\n", error.c_str());
    return 1;
  }
  {
    engine::ModelService service(thread, *model, {});
    TokensPerSecond(service, model->shape().vocabulary, 1, 8);  // so that all weights are there
    double one = 0;
    std::vector<int> counts{1, 2, 4, 8, 16};
    if (only > 0) counts = {1, only};
    for (const int streams : counts) {
      const double rate = TokensPerSecond(service, model->shape().vocabulary, streams, tokens);
      if (streams == 1) one = rate;
      std::printf("%2d streams: %8.1f tokens/s, %.2f times one\n", streams, rate, rate / one);
    }
  }
  thread->Settle();
  thread->Run([&] { model.reset(); });
  return 0;
}
