#include "engine/perplexity.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include "core/strings.h"

namespace ingot::engine {
namespace {

namespace mx = ops::mx;
using ops::Array;

constexpr int kUsualWindow = 2048;
// Logits are fp32, a row a token: at most that many of them at a time.
constexpr int64_t kMostLogits = int64_t{1} << 26;

core::Status CheckTokens(const model::LanguageModel& model, const std::vector<int>& tokens) {
  if (tokens.size() < 2) {
    return core::InvalidArgument(
        core::StrCat("the text has ", tokens.size(), " tokens, and at least 2 are needed"));
  }
  for (const int token : tokens) {
    if (token >= 0 && token < model.shape().vocabulary) continue;
    return core::InvalidArgument(
        core::StrCat("token ", token, " is not in the vocabulary of ", model.shape().vocabulary));
  }
  return core::Status::Ok();
}

// Computes tokens[begin, begin + count) and adds the surprise of those that follow each of them,
// as far as they lie before `end`.
void Score(const model::LanguageModel& model, const std::vector<int>& tokens, size_t begin,
           size_t count, size_t end, model::SequenceState& state, Perplexity& result) {
  const Array ids(tokens.data() + begin, {1, static_cast<int>(count)}, mx::int32);
  const Array hidden = model.Forward(ids, state);
  const size_t scored = std::min(count, end - begin - 1);
  std::vector<Array> pending = state.Pending();
  if (scored == 0) {
    mx::eval(pending);
    return;
  }
  const int rows = static_cast<int>(scored);
  const Array logits =
      mx::squeeze(ops::ToFloat32(model.Logits(ops::TimeSlice(hidden, 0, rows))), 0);
  const Array next(tokens.data() + begin + 1, {rows, 1}, mx::int32);
  const Array chosen = mx::squeeze(mx::take_along_axis(logits, next, -1), -1);
  const Array surprise = mx::contiguous(mx::logsumexp(logits, -1) - chosen);
  pending.push_back(surprise);
  mx::eval(pending);
  for (int i = 0; i < rows; ++i) {
    const double value = surprise.data<float>()[i];
    result.surprise += value;
    result.squares += value * value;
  }
  result.scored += rows;
}

}  // namespace

double Perplexity::mean() const { return scored == 0 ? 0 : surprise / static_cast<double>(scored); }

double Perplexity::value() const { return std::exp(mean()); }

double Perplexity::error() const {
  if (scored < 2) return 0;
  const auto n = static_cast<double>(scored);
  const double variance = std::max(0.0, squares / n - mean() * mean()) * n / (n - 1);
  return value() * std::sqrt(variance / n);
}

core::Result<Perplexity> MeasurePerplexity(const model::LanguageModel& model,
                                           const std::vector<int>& tokens,
                                           const PerplexityOptions& options) {
  INGOT_TRY(CheckTokens(model, tokens));
  const int context = model.shape().context;
  if (options.window != 0 && (options.window < 2 || options.window > context)) {
    return core::InvalidArgument(core::StrCat("windows of ", options.window,
                                              " tokens: expected 2 to ", context,
                                              ", what the model was made for"));
  }
  Perplexity result;
  result.window = options.window > 0 ? options.window : std::min(context, kUsualWindow);
  const auto fitting = static_cast<size_t>(
      std::max<int64_t>(1, kMostLogits / std::max(1, model.shape().vocabulary)));
  const size_t chunk = std::min(static_cast<size_t>(std::max(options.chunk, 1)), fitting);
  try {
    for (size_t begin = 0; begin < tokens.size();) {
      const size_t end = std::min(tokens.size(), begin + static_cast<size_t>(result.window));
      model::SequenceState state = model.NewState();
      // The last token of a window foretells nothing that is scored; a window of one is not
      // computed.
      for (size_t i = begin; i + 1 < end; i += chunk) {
        if (options.cancelled && options.cancelled()) return core::Cancelled("interrupted");
        const size_t count = std::min(chunk, end - 1 - i);
        Score(model, tokens, i, count, end, state, result);
        const bool last = i + count + 1 == end;
        if (options.progress) options.progress(static_cast<int>(count) + (last ? 1 : 0));
      }
      mx::clear_cache();
      begin = end;
    }
  } catch (const std::exception& error) {
    return core::Internal(core::StrCat("the model failed: ", error.what()));
  }
  return result;
}

}  // namespace ingot::engine
