#include "server/embed.h"

#include <memory>
#include <utility>

#include "core/clock.h"

namespace ingot::server {
namespace {

double SecondsSince(int64_t start) {
  return static_cast<double>(core::Clock::System().MonotonicNs() - start) * 1e-9;
}

}  // namespace

core::Result<EmbedResult> Embed(engine::ModelPool& models, const EmbedTask& task) {
  const int64_t start = core::Clock::System().MonotonicNs();
  INGOT_ASSIGN(const std::shared_ptr<engine::EmbeddingService> service,
               models.AcquireEmbedder(task.model, task.keep_alive));
  EmbedResult result;
  result.load_seconds = SecondsSince(start);
  engine::EmbedOptions options;
  options.dimensions = task.dimensions;
  // The interfaces promise vectors of length one, whatever the model declares.
  options.normalise = true;
  INGOT_ASSIGN(std::vector<engine::Embedding> all,
               service->Embed(task.inputs, options, task.truncate, task.cancelled));
  for (engine::Embedding& one : all) {
    result.prompt_tokens += one.tokens;
    result.vectors.push_back(std::move(one.values));
  }
  result.total_seconds = SecondsSince(start);
  return result;
}

}  // namespace ingot::server
