#include "engine/batch_step.h"

#include <utility>

#include "ops/sample.h"

namespace ingot::engine {
namespace {

namespace mx = ops::mx;

Array RowOf(const Array& logits, int row) {
  return mx::reshape(mx::slice(logits, {row, 0}, {row + 1, logits.shape(1)}), {-1});
}

}  // namespace

BatchStep::Wanted BatchStep::WantedRows() const {
  Wanted wanted;
  int row = 0;
  for (const Part& part : parts_) {
    wanted.first.push_back(static_cast<int>(wanted.rows.size()));
    const bool all = part.sequence->wants_all_logits();
    const bool last = !part.sequence->reads_prompt();
    for (int i = 0; i < part.rows; ++i) {
      if (all || last) wanted.rows.push_back(row + i);
    }
    row += part.rows;
  }
  return wanted;
}

std::vector<BatchStep::Outcome> BatchStep::Run(const model::LanguageModel& model) {
  // Asked before the states move on.
  const Wanted wanted = WantedRows();
  std::vector<Outcome> outcomes;
  std::vector<bool> makes;
  std::vector<int> tokens;
  model::Batch batch;
  for (const Part& part : parts_) {
    const auto from = part.sequence->tokens().begin() + part.sequence->state().length();
    tokens.insert(tokens.end(), from, from + part.rows);
    makes.push_back(!part.sequence->reads_prompt());
    batch.Add(part.sequence->state(), part.rows);
    outcomes.push_back({part.sequence, part.rows, {}, {}, {}});
  }
  Array hidden = model.Forward(Array(tokens.data(), {1, rows_}, mx::int32), batch);
  std::vector<Array> pending;
  std::optional<Array> logits;
  bool some_plain = false;
  const auto count = static_cast<int>(wanted.rows.size());
  if (count > 0) {
    if (count < rows_) {
      hidden = mx::take(hidden, Array(wanted.rows.data(), {count}, mx::int32), 1);
    }
    logits = mx::reshape(model.Logits(hidden), {count, model.shape().vocabulary});
    pending.push_back(*logits);
  }
  // Choices that need nothing but the largest logit are made together, afterwards.
  std::vector<std::optional<Array>> choices(parts_.size());
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int first = wanted.first[i];
    if (!makes[i]) {
      const int next = i + 1 < parts_.size() ? wanted.first[i + 1] : count;
      if (next > first) {
        outcomes[i].logits = mx::slice(*logits, {first, 0}, {next, logits->shape(1)});
      }
      continue;
    }
    outcomes[i].logits = RowOf(*logits, first);
    if (parts_[i].sequence->IsPlain()) {
      some_plain = true;
      continue;
    }
    auto choice = parts_[i].sequence->Choose(*outcomes[i].logits);
    if (choice.ok()) {
      choices[i] = *std::move(choice);
      pending.push_back(*choices[i]);
    } else {
      outcomes[i].failed = std::move(choice).status();
    }
  }
  for (const model::BatchPart& part : batch.parts()) {
    std::vector<Array> more = part.state->Pending();
    pending.insert(pending.end(), more.begin(), more.end());
  }
  mx::eval(pending);
  std::vector<int> likeliest;
  if (some_plain) likeliest = ops::Likeliest(*logits);
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (!makes[i] || !outcomes[i].failed.ok()) continue;
    outcomes[i].token =
        choices[i] ? choices[i]->item<int>() : likeliest[static_cast<size_t>(wanted.first[i])];
  }
  return outcomes;
}

}  // namespace ingot::engine
