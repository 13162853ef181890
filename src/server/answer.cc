#include "server/answer.h"

#include <optional>
#include <utility>

#include "core/log.h"
#include "core/strings.h"
#include "server/answer_text.h"
#include "server/constraint.h"
#include "server/prompt.h"
#include "server/seconds_text.h"

namespace ingot::server {
namespace {

using core::Result;

using ServicePtr = std::shared_ptr<engine::ModelService>;

double SecondsSince(Context& context, int64_t start) {
  return static_cast<double>(context.clock.MonotonicNs() - start) * 1e-9;
}

// Between the engine's tokens and a front end's pieces. Holds the model for as long as it is
// answering.
class Listener final : public engine::TokenListener {
 public:
  Listener(Context& context, ServicePtr service, std::shared_ptr<AnswerSink> sink, int64_t started)
      : context_(context),
        service_(std::move(service)),
        sink_(std::move(sink)),
        started_(started) {}

  // Before it is submitted.
  void Prepare(const ChatTask& task, Prompt& prompt, double load_seconds) {
    const bool may_call = task.tool_choice.mode != ToolChoice::Mode::kNone;
    model_ = task.model;
    request_id_ = task.request_id;
    end_.load_seconds = load_seconds;
    end_.tokens = prompt.tokens;
    if (const text::Tokenizer* tokenizer = service_->model().tokenizer()) {
      text_.emplace(*tokenizer, std::move(prompt.parser), prompt.options.stop, may_call);
    }
  }
  // It was not: the sink hears nothing.
  void Forget() { sink_ = nullptr; }

  void OnPrompt(const engine::PromptReport& report) override {
    AnswerStart start;
    start.prompt_tokens = report.tokens;
    start.cached_tokens = report.kept;
    if (const text::Tokenizer* tokenizer = service_->model().tokenizer();
        tokenizer != nullptr && !report.logprobs.empty()) {
      PieceLogprob first;
      first.chosen.id = end_.tokens.front();
      first.chosen.bytes = tokenizer->TokenBytes(static_cast<text::TokenId>(first.chosen.id));
      start.prompt.push_back(std::move(first));
      for (const engine::Logprobs& logprobs : report.logprobs) {
        start.prompt.push_back(LogprobOf(*tokenizer, logprobs));
      }
    }
    sink_->OnStart(start);
  }

  bool OnToken(const engine::GeneratedToken& token) override {
    end_.tokens.push_back(token.token);
    if (!text_) return true;
    AnswerPiece piece = text_->Add(token);
    if (!piece.empty()) sink_->OnPiece(std::move(piece));
    return !text_->stopped();
  }

  void OnEnd(Result<engine::GenerationResult> result) override {
    if (sink_ == nullptr) return;
    if (text_) {
      AnswerPiece rest = text_->Finish();
      if (!rest.empty()) sink_->OnPiece(std::move(rest));
      end_.stop_text = text_->stop_text();
      end_.called = text_->called();
    }
    Count(result);
    if (core::LogEnabled(core::LogLevel::kInfo)) LogAnswer(result);
    const std::shared_ptr<AnswerSink> sink = std::move(sink_);
    if (result.ok()) {
      end_.finish = result->finish;
      end_.timings = result->timings;
      end_.miss = result->miss;
      end_.total_seconds = SecondsSince(context_, started_);
      Release();
      sink->OnEnd(std::move(end_));
    } else {
      Release();
      sink->OnEnd(std::move(result).status());
    }
  }

 private:
  // The model may be unloaded by whoever lets it go, which is no work for the engine's thread.
  void Release() {
    auto service = std::make_shared<ServicePtr>(std::move(service_));
    text_.reset();  // looks into the model's tokenizer
    if (!context_.workers.Post([service] { service->reset(); })) service->reset();
  }

  void Count(const Result<engine::GenerationResult>& result) {
    Metrics::AnswerCounts counts;
    counts.finish = "error";
    if (result.ok()) {
      const engine::GenerationTimings& timings = result->timings;
      counts.prompt_tokens = static_cast<uint64_t>(timings.prompt_tokens);
      counts.cached_tokens = static_cast<uint64_t>(timings.kept_tokens);
      counts.generated_tokens = static_cast<uint64_t>(timings.generated_tokens);
      counts.queue_seconds = timings.queue_seconds;
      counts.first_token_seconds = timings.first_token_seconds;
      counts.decode_seconds = timings.decode_seconds;
      counts.finish = engine::FinishName(result->finish);
      counts.miss = engine::PrefixMissName(result->miss);
    }
    context_.metrics.CountAnswer(counts);
  }

  // What was asked and said stays out of it.
  void LogAnswer(const Result<engine::GenerationResult>& result) const {
    using core::StrCat;
    if (!result.ok()) {
      core::LogInfo("answer", {{"model", model_},
                               {"finish", "error"},
                               {"error", std::string(core::CodeName(result.status().code()))},
                               {"id", request_id_}});
      return;
    }
    const engine::GenerationTimings& timings = result->timings;
    core::LogInfo("answer", {{"model", model_},
                             {"prompt_tokens", StrCat(timings.prompt_tokens)},
                             {"cached_tokens", StrCat(timings.kept_tokens)},
                             {"not_cached_because", std::string(PrefixMissName(result->miss))},
                             {"generated_tokens", StrCat(timings.generated_tokens)},
                             {"finish", std::string(engine::FinishName(result->finish))},
                             {"load_seconds", SecondsText(end_.load_seconds)},
                             {"queue_seconds", SecondsText(timings.queue_seconds)},
                             {"prefill_seconds", SecondsText(timings.prefill_seconds)},
                             {"first_token_seconds", SecondsText(timings.first_token_seconds)},
                             {"decode_seconds", SecondsText(timings.decode_seconds)},
                             {"total_seconds", SecondsText(SecondsSince(context_, started_))},
                             {"id", request_id_}});
  }

  Context& context_;
  ServicePtr service_;
  std::shared_ptr<AnswerSink> sink_;
  const int64_t started_;
  std::string model_;
  std::string request_id_;
  std::optional<AnswerText> text_;
  AnswerEnd end_;
};

engine::TokenRequest MakeRequest(const engine::LoadedModel& model, const ChatTask& task,
                                 Prompt& prompt) {
  engine::RequestOptions& options = prompt.options;
  engine::ResolveBreakers(model.tokenizer(), options);
  engine::TokenRequest request;
  request.prompt = prompt.tokens;
  request.sampling = options.sampling;
  request.sampling.suppressed = model.suppressed_tokens();
  request.limits.max_tokens = options.num_predict < 0 ? -1 : options.num_predict;
  request.limits.context = options.num_ctx;
  request.limits.end = model.end_tokens();
  request.limits.ignore_end = task.ignore_end;
  request.limits.logprobs = task.logprobs;
  request.owner = task.owner;
  request.shared_prefix = task.shares_prefixes;
  request.prompt_logprobs = task.prompt_logprobs;
  return request;
}

}  // namespace

std::variant<engine::Ticket, Refusal> StartChat(Context& context, ChatTask task,
                                                std::shared_ptr<AnswerSink> sink) {
  const int64_t started = context.clock.MonotonicNs();
  INGOT_ASSIGN(ServicePtr service, context.models.Acquire(task.model, task.keep_alive));
  const double load_seconds = SecondsSince(context, started);
  const engine::LoadedModel& model = service->model();
  INGOT_ASSIGN(Prompt prompt, MakePrompt(context, model, task));
  if (context.log_prompts) {
    core::LogInfo("prompt", {{"model", task.model}, {"text", prompt.text}});
  }
  engine::TokenRequest request = MakeRequest(model, task, prompt);
  INGOT_ASSIGN(request.constraint, MakeConstraint(model, task, prompt));
  auto listener = std::make_shared<Listener>(context, service, std::move(sink), started);
  listener->Prepare(task, prompt, load_seconds);
  Result<engine::Ticket> ticket = service->Submit(std::move(request), listener);
  if (ticket.ok()) return *std::move(ticket);
  listener->Forget();
  if (ticket.status().code() != core::Code::kBusy) return std::move(ticket).status();
  return Refusal(std::move(ticket).status(), service->RetryAfterSeconds());
}

Result<std::string> RenderPrompt(Context& context, const ChatTask& task) {
  INGOT_ASSIGN(const ServicePtr service, context.models.Acquire(task.model, task.keep_alive));
  ChatTask copy = task;
  INGOT_ASSIGN(Prompt prompt, MakePrompt(context, service->model(), copy));
  return std::move(prompt.text);
}

Result<int> CountPromptTokens(Context& context, const ChatTask& task) {
  INGOT_ASSIGN(const ServicePtr service, context.models.Acquire(task.model, task.keep_alive));
  ChatTask copy = task;
  INGOT_ASSIGN(const Prompt prompt, MakePrompt(context, service->model(), copy));
  return static_cast<int>(prompt.tokens.size());
}

void SetAsker(const Context& context, const Exchange& exchange, ChatTask& task) {
  task.request_id = exchange.request().id;
  task.owner = context.has_keys ? exchange.caller().key : exchange.request().peer;
  task.shares_prefixes = !context.has_keys || context.share_prefixes;
}

void CancelWhenGone(Exchange& exchange, engine::Ticket ticket) {
  exchange.OnGone([ticket]() mutable { ticket.Cancel(); });
}

}  // namespace ingot::server
