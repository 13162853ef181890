// One step of all sequences together: their rows go through the model as one batch, and each that
// makes a token has it chosen.
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

  // The sequence outlives the step.
  void Add(Sequence& sequence, int rows) {
    parts_.push_back({&sequence, rows});
    rows_ += rows;
  }
  bool empty() const { return parts_.empty(); }
  int rows() const { return rows_; }

  // Everything is computed when it returns. Throws what MLX does.
  std::vector<Outcome> Run(const model::LanguageModel& model);

 private:
  struct Part {
    Sequence* sequence;
    int rows;
  };
  // The rows that logits are wanted of, and where each part's begin among them.
  struct Wanted {
    std::vector<int> rows;
    std::vector<int> first;
  };
  Wanted WantedRows() const;

  std::vector<Part> parts_;
  int rows_ = 0;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_BATCH_STEP_H_
