// What tests of the scheduler need: a listener that collects an answer, and a model whose answers
// say whether it was fed the right things.
#ifndef INGOT_TESTS_ENGINE_ENGINE_HELPERS_H_
#define INGOT_TESTS_ENGINE_ENGINE_HELPERS_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/scheduler.h"
#include "model/language_model.h"

namespace ingot::testing {

class Collector final : public engine::TokenListener {
 public:
  // Called with every token, on the engine thread.
  using OnTokenHook = std::function<bool(size_t count)>;
  explicit Collector(OnTokenHook hook = {}) : hook_(std::move(hook)) {}

  void OnPrompt(const engine::PromptReport& report) override {
    const std::lock_guard lock(mutex_);
    report_ = report;
  }
  bool OnToken(const engine::GeneratedToken& token) override {
    size_t count = 0;
    {
      const std::lock_guard lock(mutex_);
      tokens_.push_back(token.token);
      count = tokens_.size();
    }
    changed_.notify_all();
    return !hook_ || hook_(count);
  }
  void OnEnd(core::Result<engine::GenerationResult> result) override {
    const std::lock_guard lock(mutex_);
    ended_.emplace(std::move(result));
    changed_.notify_all();
  }

  core::Result<engine::GenerationResult> Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_.has_value(); });
    return *ended_;
  }
  void WaitForTokens(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return tokens_.size() >= count || ended_.has_value(); });
  }
  // After Wait.
  std::vector<int> tokens() const {
    const std::lock_guard lock(mutex_);
    return tokens_;
  }
  engine::PromptReport report() const {
    const std::lock_guard lock(mutex_);
    return report_;
  }

 private:
  const OnTokenHook hook_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> tokens_;
  engine::PromptReport report_;
  std::optional<core::Result<engine::GenerationResult>> ended_;
};

// Every next token depends on all before it, by way of a state that only goes forwards, and on a
// column that each left: any that is not where it belongs changes the answer.
class ChainModel final : public model::LanguageModel {
 public:
  explicit ChainModel(bool recurrent)
      : LanguageModel({.vocabulary = 16, .hidden = 1, .layers = 2, .context = 8192}),
        recurrent_(recurrent) {}

  model::SequenceState NewState() const override {
    std::vector<model::LayerCache> layers(1);
    layers[0] = model::KvCache();
    if (recurrent_) layers.emplace_back(model::RecurrentCache());
    return model::SequenceState(std::move(layers));
  }

  ops::Array Forward(const ops::Array& tokens, const model::Batch& batch) const override {
    namespace mx = ops::mx;
    fed_ += static_cast<size_t>(tokens.shape(1));
    largest_batch_ = std::max(largest_batch_.load(), batch.parts().size());
    const ops::Array rows = batch.Each(
        [&](const model::BatchPart& part, const ops::Array& mine) { return One(part, mine); },
        tokens);
    batch.Advance();
    return mx::reshape(rows, {1, tokens.shape(1), 1});
  }

  ops::Array Logits(const ops::Array& hidden) const override {
    namespace mx = ops::mx;
    const ops::Array ids = mx::astype(mx::arange(0, 16, 1, mx::int32), mx::float32);
    return mx::negative(mx::abs(ids - mx::remainder(hidden, ops::Array(16.0F))));
  }

  // Tokens since the last call.
  size_t Fed() const { return fed_.exchange(0); }
  size_t largest_batch() const { return largest_batch_; }

 private:
  ops::Array One(const model::BatchPart& part, const ops::Array& tokens) const {
    namespace mx = ops::mx;
    const int count = tokens.shape(1);
    const ops::Array columns = mx::reshape(ops::ToFloat32(tokens), {1, 1, count, 1});
    const ops::Array all = part.state->Layer<model::KvCache>(0).Update(columns, columns).keys;
    const int before = all.shape(2) - count;
    const ops::Array places = mx::arange(1.0, all.shape(2) + 1.0, 1.0, mx::float32);
    const ops::Array sums =
        mx::cumsum(mx::flatten(all) * mx::remainder(places, ops::Array(7.0F)), 0);
    ops::Array out = mx::reshape(mx::slice(sums, {before}, {before + count}), {1, count});
    if (!recurrent_) return out;
    auto& cache = part.state->Layer<model::RecurrentCache>(1);
    ops::Array running = cache.state() ? *cache.state() : mx::zeros({1}, mx::float32);
    std::vector<ops::Array> each;
    for (int i = 0; i < count; ++i) {
      const ops::Array token = mx::reshape(mx::slice(columns, {0, 0, i, 0}, {1, 1, i + 1, 1}), {1});
      running =
          mx::remainder(running * ops::Array(3.0F) + token + ops::Array(1.0F), ops::Array(97.0F));
      each.push_back(running);
    }
    cache.Update(running, running, count);
    return out + mx::reshape(mx::concatenate(each, 0), {1, count});
  }

  bool recurrent_;
  mutable std::atomic<size_t> fed_{0};
  mutable std::atomic<size_t> largest_batch_{0};
};

// What a model was loaded with belongs to the thread that loaded it until it has been computed. A
// test that hands one model to the threads of several services has that done first.
inline void ComputeWeights(const model::LanguageModel& model) {
  namespace mx = ops::mx;
  const int token = 0;
  model::SequenceState state = model.NewState();
  mx::eval(model.Logits(model.Forward(ops::Array(&token, {1, 1}, mx::int32), state)));
  mx::eval(state.Pending());
}

inline engine::TokenRequest GreedyRequest(std::vector<int> prompt, int count) {
  engine::TokenRequest request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.limits.max_tokens = count;
  return request;
}

}  // namespace ingot::testing

#endif  // INGOT_TESTS_ENGINE_ENGINE_HELPERS_H_
