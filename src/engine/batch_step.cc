#include "engine/batch_step.h"

#include <algorithm>
#include <utility>

#include "ops/cpu/step.h"
#include "ops/gpu/choice.h"
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

// Choices that need nothing but the largest logit are made together: by the device, or afterwards.
void BatchStep::Choose(const Array& logits, bool afterwards, std::vector<Array>& pending) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (!part.makes) {
      const int next = i + 1 < parts_.size() ? parts_[i + 1].first : logits.shape(0);
      if (next > part.first) {
        part.logits = mx::slice(logits, {part.first, 0}, {next, logits.shape(1)});
      }
      continue;
    }
    part.logits = RowOf(logits, part.first);
    if (part.sequence->IsPlain()) {
      if (afterwards) {
        plain_logits_ = logits;
      } else if (!likeliest_) {
        likeliest_ = mx::astype(mx::argmax(ops::ToFloat32(logits), -1), mx::int32);
        pending.push_back(*likeliest_);
      }
      continue;
    }
    auto choice = part.sequence->Choose(*part.logits);
    if (choice.ok()) {
      part.choice = mx::reshape(*choice, {1});
      pending.push_back(*part.choice);
    } else {
      part.failed = std::move(choice).status();
    }
  }
}

std::optional<Array> BatchStep::Forward(const model::LanguageModel& model, const Array& tokens,
                                        const model::Batch& batch, const Wanted& wanted,
                                        bool at_once) const {
  std::optional<ops::cpu::StepScope> step;
  // Where only caches are wanted, a graph leaves out what they do not need.
  if (at_once && !wanted.rows.empty()) step.emplace(rows_);
  Array hidden = model.Forward(tokens, batch);
  const auto count = static_cast<int>(wanted.rows.size());
  std::optional<Array> logits;
  if (count > 0) {
    if (count < rows_) {
      hidden = mx::take(hidden, Array(wanted.rows.data(), {count}, mx::int32), 1);
    }
    logits = mx::reshape(model.Logits(hidden), {count, model.shape().vocabulary});
  }
  if (step) step->Finish();
  return logits;
}

void BatchStep::Compute(const model::LanguageModel& model, const Array& tokens, bool wait) {
  // Asked before the states move on.
  const Wanted wanted = WantedRows();
  model::Batch batch;
  for (size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].makes = !parts_[i].sequence->reads_prompt();
    parts_[i].first = wanted.first[i];
    batch.Add(parts_[i].sequence->state(), parts_[i].rows);
  }
  const bool at_once = wait && ops::gpu::BackEndInUse() == ops::gpu::BackEnd::kCpu;
  std::vector<Array> pending;
  if (const std::optional<Array> logits = Forward(model, tokens, batch, wanted, at_once)) {
    pending.push_back(*logits);
    Choose(*logits, /*afterwards=*/at_once, pending);
  }
  for (const model::BatchPart& part : batch.parts()) {
    std::vector<Array> more = part.state->Pending();
    pending.insert(pending.end(), more.begin(), more.end());
  }
  started_ = true;
  // A copy to be read by us: CUDA moves what the host reads, and the next step reads the other.
  if (likeliest_ && !wait) told_ = *likeliest_ + Array(0, mx::int32);
  if (told_) pending.push_back(*told_);
  // Nothing of the states is held here until the tokens are read: the next step writes over them.
  wait ? mx::eval(std::move(pending)) : mx::async_eval(std::move(pending));
}

void BatchStep::Start(const model::LanguageModel& model, bool wait) {
  std::vector<int> tokens;
  for (const Part& part : parts_) {
    const auto from = part.sequence->tokens().begin() + part.sequence->state().length();
    tokens.insert(tokens.end(), from, from + part.rows);
  }
  Compute(model, Array(tokens.data(), {1, rows_}, mx::int32), wait);
}

size_t BatchStep::live() const {
  return static_cast<size_t>(std::count_if(
      parts_.begin(), parts_.end(), [](const Part& part) { return part.sequence != nullptr; }));
}

bool BatchStep::CanBeFollowed() const {
  return std::all_of(parts_.begin(), parts_.end(), [this](const Part& part) {
    return part.sequence == nullptr || (part.sequence->CanGoAhead() && (!started_ || part.makes));
  });
}

Array BatchStep::TokenOf(const Part& part) const {
  return part.choice ? *part.choice : mx::slice(*likeliest_, {part.first}, {part.first + 1});
}

BatchStep BatchStep::Follow(const model::LanguageModel& model) const {
  BatchStep next;
  std::vector<Array> tokens;
  for (const Part& part : parts_) {
    if (part.sequence == nullptr) continue;
    part.sequence->GoAhead();
    next.Add(*part.sequence, 1);
    tokens.push_back(TokenOf(part));
  }
  // Mostly all are plain, and their rows stand as they are wanted.
  const bool as_they_are =
      likeliest_ && static_cast<size_t>(likeliest_->size()) == tokens.size() &&
      std::none_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.choice; });
  const Array row = as_they_are ? *likeliest_ : mx::concatenate(std::move(tokens), 0);
  next.Compute(model, mx::reshape(row, {1, next.rows_}), /*wait=*/false);
  return next;
}

bool BatchStep::Drop(const Sequence& sequence) {
  for (Part& part : parts_) {
    if (part.sequence != &sequence) continue;
    part.sequence = nullptr;
    return true;
  }
  return false;
}

std::vector<BatchStep::Outcome> BatchStep::Read() {
  std::vector<int> likeliest;
  if (plain_logits_) likeliest = ops::Likeliest(*plain_logits_);
  if (likeliest_) {
    Array& told = told_ ? *told_ : *likeliest_;
    told.eval();
    likeliest.assign(told.data<int>(), told.data<int>() + told.size());
  }
  std::vector<Outcome> outcomes;
  for (Part& part : parts_) {
    if (part.sequence == nullptr) continue;
    outcomes.push_back({part.sequence, part.rows, {}, std::move(part.logits), part.failed});
    if (!part.makes || !part.failed.ok()) continue;
    outcomes.back().token =
        part.choice ? part.choice->item<int>() : likeliest[static_cast<size_t>(part.first)];
  }
  return outcomes;
}

}  // namespace ingot::engine
