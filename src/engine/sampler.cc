#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <utility>

#include "ops/sample.h"

namespace ingot::engine {
namespace {

namespace mx = ops::mx;

constexpr float kNever = -std::numeric_limits<float>::infinity();

uint64_t SplitMix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

uint64_t FreshSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// What is left of the candidates after each filter: probabilities sorted downwards, zero where a
// candidate is out.
Array KeepTopP(const Array& sorted, float top_p) {
  // A candidate stays while those before it have not reached p together: the one that crosses it
  // is kept, and so is always the first.
  const Array before = mx::cumsum(sorted, 0) - sorted;
  return mx::where(mx::less(before, Array(top_p)), sorted, mx::zeros_like(sorted));
}

Array KeepMinP(const Array& sorted, float min_p) {
  const Array least = mx::max(sorted) * Array(min_p);
  return mx::where(mx::greater_equal(sorted, least), sorted, mx::zeros_like(sorted));
}

// Locally typical: the candidates whose surprise is nearest to the expected one, until they make up
// p together.
Array KeepTypical(const Array& sorted, float typical_p) {
  const Array total = mx::sum(sorted);
  const Array p = sorted / total;
  const Array possible = mx::greater(p, Array(0.0F));
  const Array surprise =
      mx::where(possible, mx::negative(mx::log(mx::maximum(p, Array(1e-38F)))), mx::zeros_like(p));
  const Array distance = mx::where(possible, mx::abs(surprise - mx::sum(p * surprise)),
                                   mx::full_like(p, std::numeric_limits<float>::infinity()));
  const Array order = mx::argsort(distance);
  const Array near_first = mx::take(p, order);
  const Array before = mx::cumsum(near_first, 0) - near_first;
  const Array kept = mx::where(mx::less(before, Array(typical_p)), near_first, mx::zeros_like(p));
  return mx::take(kept, mx::argsort(order)) * total;
}

// Drops all candidates at or above the threshold but the last of them. sorted falls.
Array DropTopChoices(const Array& sorted, float threshold) {
  const Array p = sorted / mx::sum(sorted);
  const Array above = mx::astype(mx::greater_equal(p, Array(threshold)), mx::int32);
  // Those above the threshold are the first n; the first n - 1 go.
  const Array rank = mx::arange(0, sorted.shape(0), 1, mx::int32);
  const Array gone = mx::less(rank, mx::sum(above) - Array(1, mx::int32));
  return mx::where(gone, mx::zeros_like(sorted), sorted);
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, std::vector<int> history)
    : options_(options),
      history_(std::move(history)),
      seed_(options.seed ? *options.seed : FreshSeed()) {
  if (!HasPenalties()) return;
  for (size_t i = history_.size() - Reach(); i < history_.size(); ++i) ++counts_[history_[i]];
}

bool Sampler::IsPlain() const {
  return options_.greedy() && options_.logit_bias.empty() && options_.suppressed.empty() &&
         !NeedsHistory();
}

bool Sampler::HasPenalties() const {
  return options_.repeat_last_n != 0 &&
         (options_.repeat_penalty != 1 || options_.presence_penalty != 0 ||
          options_.frequency_penalty != 0);
}

bool Sampler::NeedsHistory() const { return HasPenalties() || options_.dry.multiplier > 0; }

size_t Sampler::Reach() const {
  return options_.repeat_last_n < 0
             ? history_.size()
             : std::min(history_.size(), static_cast<size_t>(options_.repeat_last_n));
}

void Sampler::Chosen(int token) {
  if (HasPenalties()) {
    const size_t before = Reach();
    const int oldest = before > 0 ? history_[history_.size() - before] : 0;
    const bool full =
        options_.repeat_last_n > 0 && before == static_cast<size_t>(options_.repeat_last_n);
    ++counts_[token];
    if (full && --counts_[oldest] == 0) counts_.erase(oldest);
  }
  history_.push_back(token);
}

void Sampler::Penalise(Edits& edits) const {
  for (const auto& [token, count] : counts_) {
    ops::LogitEdit& edit = edits[token];
    edit.factor = options_.repeat_penalty;
    edit.minus = options_.presence_penalty + options_.frequency_penalty * static_cast<float>(count);
  }
}

void Sampler::Dry(Edits& edits) const {
  const DryOptions& dry = options_.dry;
  const auto is_breaker = [&](int token) {
    return std::find(dry.breakers.begin(), dry.breakers.end(), token) != dry.breakers.end();
  };
  const size_t n =
      dry.last_n < 0 ? history_.size() : std::min(history_.size(), static_cast<size_t>(dry.last_n));
  const std::vector<int> recent(history_.end() - static_cast<ptrdiff_t>(n), history_.end());
  // For each earlier position: how many tokens before it match the end of the text. The token that
  // stands there would make the repetition one longer.
  constexpr size_t kLongest = 64;  // beyond, the penalty is past any logit anyway
  std::map<int, size_t> longest;
  for (size_t i = 1; i < recent.size(); ++i) {
    size_t length = 0;
    while (length < std::min(i, kLongest)) {
      const int token = recent[recent.size() - 1 - length];
      if (recent[i - 1 - length] != token || is_breaker(token)) break;
      ++length;
    }
    if (length < static_cast<size_t>(dry.allowed_length)) continue;
    size_t& best = longest[recent[i]];
    best = std::max(best, length);
  }
  for (const auto& [token, length] : longest) {
    const auto beyond = static_cast<float>(length - static_cast<size_t>(dry.allowed_length));
    edits[token].extra = std::min(dry.multiplier * std::pow(dry.base, beyond), 1e6F);
  }
}

std::vector<ops::LogitEdit> Sampler::AllEdits(int vocabulary) const {
  Edits edits;
  for (const auto& [token, bias] : options_.logit_bias) edits[token].plus = bias;
  Penalise(edits);
  if (options_.dry.multiplier > 0) Dry(edits);
  for (const int token : options_.suppressed) edits[token].never = true;
  std::vector<ops::LogitEdit> all;
  all.reserve(edits.size());
  for (auto& [token, edit] : edits) {
    if (token < 0 || token >= vocabulary) continue;
    edit.token = token;
    all.push_back(edit);
  }
  return all;
}

Array Sampler::DrawOtherwise(const Array& logits, uint64_t number) const {
  const int vocabulary = logits.shape(0);
  const bool cut = options_.top_k > 0 && options_.top_k < vocabulary;
  const int count = cut ? options_.top_k : vocabulary;
  Array ids =
      cut ? mx::astype(ops::LastSlice(mx::argpartition(mx::negative(logits), count - 1), 0, count),
                       mx::int32)
          : mx::arange(0, vocabulary, 1, mx::int32);
  const Array order = mx::argsort(mx::negative(mx::take(logits, ids)));
  ids = mx::take(ids, order);
  Array p = mx::softmax(mx::take(logits, ids) / Array(options_.temperature), -1, true);
  if (options_.top_p < 1) p = KeepTopP(p, options_.top_p);
  if (options_.min_p > 0) p = KeepMinP(p, options_.min_p);
  if (options_.typical_p < 1) p = KeepTypical(p, options_.typical_p);
  if (options_.xtc.probability > 0) {
    const double coin = static_cast<double>(SplitMix(number) >> 11) * 0x1p-53;
    if (coin < options_.xtc.probability) p = DropTopChoices(p, options_.xtc.threshold);
  }
  const Array weights =
      mx::where(mx::greater(p, Array(0.0F)), mx::log(p), mx::full_like(p, kNever));
  const Array drawn = mx::random::categorical(weights, -1, mx::random::key(number));
  return mx::astype(mx::take(ids, drawn), mx::int32);
}

Array Sampler::Next(const Array& logits, Mask allowed) {
  ops::DrawSpec spec{.temperature = options_.temperature,
                     .top_k = options_.top_k,
                     .top_p = options_.top_p,
                     .min_p = options_.min_p,
                     .number = 0,
                     .edits = AllEdits(logits.shape(0)),
                     .allowed = std::move(allowed)};
  if (options_.greedy()) return ops::Draw(logits, spec);
  const uint64_t number = SplitMix(seed_ ^ SplitMix(draws_++));
  const bool usual = options_.typical_p >= 1 && options_.xtc.probability <= 0;
  if (!usual) return DrawOtherwise(ops::EditLogits(logits, spec), number);
  spec.number = static_cast<float>(number >> 40) * 0x1p-24F;
  return ops::Draw(logits, spec);
}

Logprobs ReadLogprobs(const Array& logits, int chosen, int top) {
  return ops::LogprobsOf(logits, chosen, top);
}

}  // namespace ingot::engine
