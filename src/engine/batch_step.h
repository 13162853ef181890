// One step of all sequences together: their rows go through the model as one batch, and each that
// makes a token has it chosen. A step may follow one whose tokens nobody knows yet: they are
// arrays, which the device has before we do.
//
// Used by the engine thread.
#ifndef INGOT_ENGINE_BATCH_STEP_H_
#define INGOT_ENGINE_BATCH_STEP_H_

#include <optional>
#include <vector>

#include "core/status.h"
#include "engine/sequence.h"
#include "model/language_model.h"

namespace ingot::engine {

class BatchStep {
 public:
  struct Outcome {
    Sequence* sequence;
    int rows;
    std::optional<int> token;     // that was made; absent where a prompt is still being read
    std::optional<Array> logits;  // of the token, or of all rows where those were wanted
    core::Status failed;          // no token could be chosen
  };

  // The sequence outlives the step, or is dropped from it.
  void Add(Sequence& sequence, int rows) {
    parts_.push_back({.sequence = &sequence, .rows = rows});
    rows_ += rows;
  }
  bool empty() const { return parts_.empty(); }
  int rows() const { return rows_; }
  bool started() const { return started_; }
  // How many sequences it is still for.
  size_t live() const;

  // Queues what is to be computed; with `wait`, until it is. Both throw what MLX does.
  void Start(const model::LanguageModel& model, bool wait);
  // Whether a step of the same sequences can follow it before its tokens are known.
  bool CanBeFollowed() const;
  // Queues that step, once this one has been started.
  BatchStep Follow(const model::LanguageModel& model) const;
  // Takes a sequence out of a step that has been started. Whether it was in it.
  bool Drop(const Sequence& sequence);

  // Waits for the tokens that were made. Of each sequence that was not dropped.
  std::vector<Outcome> Read();

 private:
  struct Part {
    Sequence* sequence;  // null once dropped
    int rows;
    bool makes = false;                // a token
    std::optional<Array> logits = {};  // as Outcome's
    std::optional<Array> choice = {};  // of the token [1], unless it is the likeliest
    int first = 0;                     // row of likeliest_
    core::Status failed = {};
  };
  // The rows that logits are wanted of, and where each part's begin among them.
  struct Wanted {
    std::vector<int> rows;
    std::vector<int> first;
  };
  Wanted WantedRows() const;
  // The wanted rows' logits [n, V], if any are wanted; computed, if at_once.
  std::optional<Array> Forward(const model::LanguageModel& model, const Array& tokens,
                               const model::Batch& batch, const Wanted& wanted, bool at_once) const;
  void Compute(const model::LanguageModel& model, const Array& tokens, bool wait);
  void Choose(const Array& logits, bool afterwards, std::vector<Array>& pending);
  Array TokenOf(const Part& part) const;

  std::vector<Part> parts_;
  int rows_ = 0;
  bool started_ = false;
  std::optional<Array> plain_logits_;  // of rows whose likeliest token is still to be found
  std::optional<Array> likeliest_;     // [rows that logits are wanted of] int32
  std::optional<Array> told_;          // the same, where the next step may read that one meanwhile
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_BATCH_STEP_H_
