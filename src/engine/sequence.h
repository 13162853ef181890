// One answer on its way: what has been read and made of it, what it wants of the next step, and
// what it has told its listener.
//
// Owned and used by the engine thread.
#ifndef INGOT_ENGINE_SEQUENCE_H_
#define INGOT_ENGINE_SEQUENCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/generation.h"
#include "engine/prefix_tree.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "model/language_model.h"
#include "model/state_bytes.h"

namespace ingot::engine {

// A request that nothing has been done for yet.
struct WaitingRequest {
  uint64_t id = 0;
  TokenRequest request;
  std::shared_ptr<TokenListener> listener;
  int64_t since_ns = 0;
  uint64_t cache_bytes = 0;  // at full length, estimated
  int most = 0;              // tokens of the answer
};

class Sequence {
 public:
  // Takes up what the tree knows of its prompt.
  Sequence(WaitingRequest waiting, const model::LanguageModel& model, PrefixTree& tree);

  uint64_t id() const { return waiting_.id; }
  const std::string& owner() const { return waiting_.request.owner; }
  std::string prefix_owner() const { return waiting_.request.prefix_owner(); }
  const std::vector<int>& tokens() const { return tokens_; }
  uint64_t cache_bytes() const { return waiting_.cache_bytes; }
  int64_t start_ns() const { return start_ns_; }
  bool shares_prefix() const;
  const PrefixFound& found() const { return found_; }
  model::SequenceState& state() { return state_; }

  // More than the last token of the prompt is left to be read.
  bool reads_prompt() const { return left() > 1; }
  // How many tokens the next step should read, at most `most`: one where the answer is made.
  int RowsOf(int most) const;
  // Whether the logits of every row are wanted, and not only of the one that makes a token.
  bool wants_all_logits() const;

  // The next token's choice from logits [vocabulary], still to be computed; an error ends it. Not
  // called where IsPlain says that the likeliest is chosen.
  core::Result<Array> Choose(const Array& logits);
  bool IsPlain() const { return !waiting_.request.constraint && sampler_.IsPlain(); }

  // While a step computes its next token: whether the one after can be computed already, since it
  // depends on that token by way of the model alone and is wanted unless that one ends the answer.
  bool CanGoAhead() const;
  // Remembers the state before that step,
  void GoAhead() { before_ = state_.Mark(); }
  // and returns to it, if the answer has ended.
  void GoBack() { state_.Return(*std::exchange(before_, std::nullopt)); }

  // After a step that read `rows` tokens of the prompt, all computed. logits [rows, vocabulary]
  // where they were wanted. True when that was all of it but its last token.
  bool Read(int rows, const std::optional<Array>& logits);
  // Once Read was true, or at the beginning where nothing was to be read.
  void ReportPrompt();
  // After a step that made a token. The result, when that was the last.
  std::optional<core::Result<GenerationResult>> Made(int token, const Array& logits);
  // What is told when it ends now.
  GenerationResult ResultNow(Finish finish) const;
  bool wants_no_tokens() const { return waiting_.most == 0; }
  void End(core::Result<GenerationResult> result);

  // Leaves what has been read with the tree.
  void Keep(PrefixTree& tree);

  uint64_t last_turn = 0;  // of reading its prompt

 private:
  size_t left() const { return tokens_.size() - static_cast<size_t>(state_.length()); }
  void PlanStops();
  core::Result<Sampler::Mask> Constrain() const;

  WaitingRequest waiting_;
  const model::LanguageModel& model_;
  model::SequenceState state_;
  std::optional<model::SequenceState> before_;
  std::vector<int> tokens_;  // the prompt and what was made
  Sampler sampler_;
  PrefixFound found_;
  std::vector<int> stops_;  // where to stop reading and to make a mark
  std::vector<model::StateMark> marks_;
  PromptReport report_;
  bool reported_ = false;
  int64_t start_ns_;
  int64_t first_ns_ = 0;
  int made_ = 0;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_SEQUENCE_H_
