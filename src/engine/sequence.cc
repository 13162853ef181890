#include "engine/sequence.h"

#include <algorithm>
#include <utility>

#include "core/clock.h"

namespace ingot::engine {
namespace {

namespace mx = ops::mx;

// What a template writes to begin an answer, which the next turn's prompt may have otherwise (an
// empty thought goes, say), is shorter than this.
constexpr int kAnswerBegins = 16;
constexpr int kMarkDistance = 1024;
constexpr size_t kMessages = 4;  // whose ends are marked, counted from the last
constexpr int kLeastStretch = 8;

int64_t NowNs() { return core::Clock::System().MonotonicNs(); }
double Seconds(int64_t from_ns, int64_t to_ns) {
  return static_cast<double>(to_ns - from_ns) * 1e-9;
}

bool IsEnd(const GenerationLimits& limits, int token) {
  return std::find(limits.end.begin(), limits.end.end(), token) != limits.end.end();
}

}  // namespace

Sequence::Sequence(WaitingRequest waiting, const model::LanguageModel& model, PrefixTree& tree)
    : waiting_(std::move(waiting)),
      model_(model),
      state_(model.NewState()),
      tokens_(waiting_.request.prompt),
      sampler_(waiting_.request.sampling, tokens_),
      start_ns_(NowNs()) {
  found_.miss = PrefixMiss::kDisabled;
  if (shares_prefix()) found_ = tree.TakeUp(prefix_owner(), tokens_, state_);
  report_ = {.tokens = static_cast<int>(tokens_.size()),
             .kept = static_cast<int>(found_.length),
             .miss = found_.miss,
             .logprobs = {}};
  if (!state_.CanTrimAnywhere()) PlanStops();
}

bool Sequence::shares_prefix() const {
  return waiting_.request.reuse_prefix && !waiting_.request.prompt_logprobs;
}

// Where this prompt left earlier ones, the next may leave it; likewise at the ends of messages,
// before the answer, and every so often.
void Sequence::PlanStops() {
  const int last = static_cast<int>(tokens_.size()) - 1;
  std::vector<int> places = {static_cast<int>(found_.matched)};
  size_t messages = 0;
  int last_message = 0;
  for (int i = last; i-- > 0 && messages < kMessages;) {
    if (!IsEnd(waiting_.request.limits, tokens_[static_cast<size_t>(i)])) continue;
    if (messages == 0) last_message = i + 1;
    places.push_back(i + 1);
    ++messages;
  }
  // Behind the last message comes what begins the answer; where no end shows it, it is guessed.
  const bool shown = last_message > last - kAnswerBegins;
  if (!shown) places.push_back(last - kAnswerBegins);
  for (int i = kMarkDistance; i < last; i += kMarkDistance) places.push_back(i);
  std::sort(places.begin(), places.end());
  int before = state_.length();
  for (const int place : places) {
    const bool ends_message = shown && place == last_message && place > before && place < last;
    const bool apart = place >= before + kLeastStretch && place <= last - kLeastStretch;
    if (!ends_message && !apart) continue;
    stops_.push_back(place);
    before = place;
  }
  if (last > state_.length()) stops_.push_back(last);
}

int Sequence::RowsOf(int most) const {
  const int until = static_cast<int>(tokens_.size()) - 1;
  const int at = state_.length();
  if (at == until) return 1;
  const auto stop = std::upper_bound(stops_.begin(), stops_.end(), at);
  const int next = stop == stops_.end() ? until : std::min(*stop, until);
  return std::min(most, next - at);
}

bool Sequence::wants_all_logits() const {
  return waiting_.request.prompt_logprobs && reads_prompt();
}

core::Result<Sampler::Mask> Sequence::Constrain() const {
  const auto vocabulary = static_cast<size_t>(model_.shape().vocabulary);
  std::vector<uint32_t> words((vocabulary + 31) / 32);
  INGOT_ASSIGN(const bool some, waiting_.request.constraint->Allowed(words));
  if (!some) return Sampler::Mask();
  // Bits beyond the vocabulary are nobody's.
  uint32_t any = vocabulary % 32 == 0 ? 0 : words.back() & ((1U << (vocabulary % 32)) - 1);
  for (size_t i = 0; i < vocabulary / 32; ++i) any |= words[i];
  if (any == 0) return core::Internal("the answer's format lets no token follow");
  return Sampler::Mask(std::make_shared<const std::vector<uint32_t>>(std::move(words)));
}

core::Result<Array> Sequence::Choose(const Array& logits) {
  Sampler::Mask allowed;
  if (waiting_.request.constraint) {
    INGOT_ASSIGN(allowed, Constrain());
  }
  return sampler_.Next(logits, std::move(allowed));
}

bool Sequence::CanGoAhead() const {
  return !waiting_.request.constraint && !sampler_.NeedsHistory() && !reads_prompt() &&
         made_ + 1 < waiting_.most;
}

bool Sequence::Read(int rows, const std::optional<Array>& logits) {
  const int end = state_.length();
  if (logits) {
    const auto first = static_cast<size_t>(end - rows);
    for (int i = 0; i < rows; ++i) {
      const Array row = mx::reshape(mx::slice(*logits, {i, 0}, {i + 1, logits->shape(1)}), {-1});
      report_.logprobs.push_back(ReadLogprobs(row, tokens_[first + static_cast<size_t>(i) + 1],
                                              std::max(waiting_.request.limits.logprobs, 0)));
    }
  }
  if (std::binary_search(stops_.begin(), stops_.end(), end)) {
    marks_.push_back(model::CopyMark(state_));
  }
  return !reads_prompt();
}

void Sequence::ReportPrompt() {
  if (std::exchange(reported_, true)) return;
  waiting_.listener->OnPrompt(report_);
  report_.logprobs = {};
}

std::optional<core::Result<GenerationResult>> Sequence::Made(int token, const Array& logits) {
  using Ended = core::Result<GenerationResult>;
  const GenerationLimits& limits = waiting_.request.limits;
  if (first_ns_ == 0) first_ns_ = NowNs();
  tokens_.push_back(token);
  sampler_.Chosen(token);
  if (waiting_.request.constraint) {
    if (const core::Status status = waiting_.request.constraint->Accept(token); !status.ok()) {
      return Ended(status);
    }
  }
  if (!limits.ignore_end && IsEnd(limits, token)) return Ended(ResultNow(Finish::kStop));
  ++made_;
  GeneratedToken generated{token, {}};
  if (limits.logprobs >= 0) generated.logprobs = ReadLogprobs(logits, token, limits.logprobs);
  if (!waiting_.listener->OnToken(generated)) return Ended(ResultNow(Finish::kStop));
  if (made_ == waiting_.most) return Ended(ResultNow(Finish::kLength));
  const bool complete = waiting_.request.constraint && waiting_.request.constraint->Finished();
  if (complete) return Ended(ResultNow(Finish::kStop));
  return std::nullopt;
}

GenerationResult Sequence::ResultNow(Finish finish) const {
  const int64_t now = NowNs();
  GenerationResult result;
  result.finish = finish;
  result.miss = report_.miss;
  result.timings = {.prompt_tokens = report_.tokens,
                    .kept_tokens = report_.kept,
                    .generated_tokens = made_,
                    .queue_seconds = Seconds(waiting_.since_ns, start_ns_),
                    .prefill_seconds = Seconds(start_ns_, first_ns_ == 0 ? now : first_ns_),
                    .first_token_seconds = first_ns_ == 0 ? 0 : Seconds(start_ns_, first_ns_),
                    .decode_seconds = first_ns_ == 0 ? 0 : Seconds(first_ns_, now)};
  return result;
}

void Sequence::End(core::Result<GenerationResult> result) {
  waiting_.listener->OnEnd(std::move(result));
}

void Sequence::Keep(PrefixTree& tree) {
  if (!waiting_.request.reuse_prefix || state_.length() == 0) return;
  std::vector<model::StateMark> marks = std::exchange(marks_, {});
  const bool marked = !marks.empty() && marks.back().at == state_.length();
  if (!state_.CanTrimAnywhere() && !marked) marks.push_back(model::CopyMark(state_));
  tree.Keep(prefix_owner(), std::span(tokens_).first(static_cast<size_t>(state_.length())), state_,
            std::move(marks));
}

}  // namespace ingot::engine
