// The OpenAI API: its routes, and how answers reach the network.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "server/answer_group.h"
#include "server/embed.h"
#include "server/fields.h"
#include "server/openai_chat.h"
#include "server/openai_completions.h"
#include "server/openai_embeddings.h"
#include "server/openai_fields.h"
#include "server/openai_handlers.h"
#include "server/routes.h"

namespace ingot::server {
namespace {

using core::Json;

// Seeds of the choices of one prompt follow each other.
std::vector<ChatTask> Choices(const ChatTask& task, int choices) {
  std::vector<ChatTask> tasks;
  for (int i = 0; i < choices; ++i) {
    tasks.push_back(task);
    for (auto& [name, value] : tasks.back().settings) {
      if (name == "seed" && value.is_number_unsigned()) {
        value = value.get<uint64_t>() + static_cast<uint64_t>(i);
      }
    }
  }
  return tasks;
}

// What the OpenAI streams have in common.
class OpenAiGroup : public AnswerGroup {
 public:
  OpenAiGroup(ExchangePtr exchange, OpenAiHead head)
      : AnswerGroup(std::move(exchange)), head_(std::move(head)) {}

 protected:
  void OnFailed(const Refusal& refusal) override {
    if (!streaming()) {
      SendOpenAiError(exchange(), refusal);
      return;
    }
    SendData(OpenAiErrorBody(refusal.status));
    CloseStream();
  }
  // A comment, which clients pass over.
  void SayReading() { SendText(": the prompt is being read\n\n"); }
  void Done() {
    SendText("data: [DONE]\n\n");
    CloseStream();
  }
  const OpenAiHead& head() const { return head_; }

 private:
  const OpenAiHead head_;
};

class ChatStream final : public OpenAiGroup {
 public:
  ChatStream(ExchangePtr exchange, const OpenAiHead& head, const OpenAiChat& chat)
      : OpenAiGroup(std::move(exchange), head), usage_wanted_(chat.delivery.usage) {
    for (int i = 0; i < chat.delivery.choices; ++i) {
      choices_.emplace_back(head, i, chat.delivery.usage, chat.task.logprobs >= 0);
    }
  }

 protected:
  void OnStart(size_t, const AnswerStart&) override { reading_ = false; }
  void OnPiece(size_t answer, AnswerPiece piece) override {
    for (const Json& chunk : choices_[answer].Piece(piece)) SendData(chunk);
  }
  void OnEnd(size_t answer, AnswerEnd end) override {
    usage_.Add(end);
    for (const Json& chunk : choices_[answer].End(end)) SendData(chunk);
  }
  void OnAllEnded() override {
    if (usage_wanted_) SendData(UsageChunk(head(), usage_));
    Done();
  }
  void OnWaiting() override {
    if (reading_) SayReading();
  }

 private:
  const bool usage_wanted_;
  bool reading_ = true;
  OpenAiUsage usage_;
  std::vector<ChatChunks> choices_;
};

class ChatWhole final : public OpenAiGroup {
 public:
  ChatWhole(ExchangePtr exchange, OpenAiHead head, const OpenAiChat& chat)
      : OpenAiGroup(std::move(exchange), std::move(head)),
        logprobs_(chat.task.logprobs >= 0),
        answers_(static_cast<size_t>(chat.delivery.choices)) {}

 protected:
  void OnStart(size_t, const AnswerStart&) override {}
  void OnPiece(size_t answer, AnswerPiece piece) override {
    answers_[answer].Add(std::move(piece));
  }
  void OnEnd(size_t answer, AnswerEnd end) override { answers_[answer].end = std::move(end); }
  void OnAllEnded() override {
    exchange().Send(JsonReply(200, ChatCompletion(head(), answers_, logprobs_)));
  }

 private:
  const bool logprobs_;
  std::vector<WholeAnswer> answers_;
};

class CompletionStream final : public OpenAiGroup {
 public:
  CompletionStream(ExchangePtr exchange, OpenAiHead head, const OpenAiCompletions& request)
      : OpenAiGroup(std::move(exchange), std::move(head)),
        request_(request),
        offsets_(request.tasks.size() * static_cast<size_t>(request.delivery.choices)),
        prompts_(request.tasks.size()) {}

 protected:
  void OnStart(size_t answer, const AnswerStart& start) override {
    reading_ = false;
    if (!request_.echo) return;
    const std::string prompt = EchoedPrompt(request_, answer, start);
    Json logprobs;
    if (Wanted()) logprobs = CompletionLogprobs(start.prompt, true, offsets_[answer]);
    Send(answer, prompt, std::move(logprobs), nullptr);
  }
  void OnPiece(size_t answer, AnswerPiece piece) override {
    Json logprobs;
    if (Wanted()) logprobs = CompletionLogprobs(piece.logprobs, false, offsets_[answer]);
    Send(answer, piece.content, std::move(logprobs), nullptr);
  }
  void OnEnd(size_t answer, AnswerEnd end) override {
    OpenAiUsage own;
    own.Add(end);
    usage_.completion += own.completion;
    prompts_[answer / static_cast<size_t>(request_.delivery.choices)] = own;
    Send(answer, "", nullptr, end.finish == engine::Finish::kLength ? "length" : "stop");
  }
  void OnAllEnded() override {
    if (request_.delivery.usage) {
      for (const OpenAiUsage& one : prompts_) {
        usage_.prompt += one.prompt;
        usage_.cached += one.cached;
      }
      Json chunk = CompletionChunk(head(), 0, "", nullptr, nullptr);
      chunk["choices"] = Json::array();
      chunk["usage"] = UsageJson(usage_);
      SendData(chunk);
    }
    Done();
  }
  void OnWaiting() override {
    if (reading_) SayReading();
  }

 private:
  bool Wanted() const { return request_.logprobs; }
  void Send(size_t answer, std::string_view text, Json logprobs, Json finish) {
    Json chunk = CompletionChunk(head(), static_cast<int>(answer), text, std::move(logprobs),
                                 std::move(finish));
    if (request_.delivery.usage) chunk["usage"] = nullptr;
    SendData(chunk);
  }

  const OpenAiCompletions request_;
  bool reading_ = true;
  std::vector<size_t> offsets_;
  std::vector<OpenAiUsage> prompts_;
  OpenAiUsage usage_;
};

class CompletionWhole final : public OpenAiGroup {
 public:
  CompletionWhole(ExchangePtr exchange, OpenAiHead head, const OpenAiCompletions& request)
      : OpenAiGroup(std::move(exchange), std::move(head)),
        request_(request),
        answers_(request.tasks.size() * static_cast<size_t>(request.delivery.choices)) {}

 protected:
  void OnStart(size_t answer, const AnswerStart& start) override {
    answers_[answer].start = start;
    if (request_.echo) answers_[answer].prompt = EchoedPrompt(request_, answer, start);
  }
  void OnPiece(size_t answer, AnswerPiece piece) override {
    answers_[answer].answer.Add(std::move(piece));
  }
  void OnEnd(size_t answer, AnswerEnd end) override {
    answers_[answer].answer.end = std::move(end);
  }
  void OnAllEnded() override {
    exchange().Send(JsonReply(200, Completion(head(), answers_, request_.delivery.choices,
                                              request_.echo, request_.logprobs)));
  }

 private:
  const OpenAiCompletions request_;
  std::vector<CompletionAnswer> answers_;
};

void HandleChatCompletions(Context& context, const ExchangePtr& exchange) {
  const core::Result<Json> json = ParseBody(exchange->request().body);
  if (!json.ok()) return SendOpenAiError(*exchange, json.status());
  core::Result<OpenAiChat> chat = ParseOpenAiChat(*json);
  if (!chat.ok()) return SendOpenAiError(*exchange, chat.status());
  SetAsker(context, *exchange, chat->task);
  chat->task.chat->wall_ns = context.clock.WallNs();
  const OpenAiHead head{NewId("chatcmpl-", 24), chat->task.model, UnixSeconds(context.clock)};
  std::vector<ChatTask> tasks = Choices(chat->task, chat->delivery.choices);
  if (chat->delivery.stream) {
    std::make_shared<ChatStream>(exchange, head, *chat)->Run(context, std::move(tasks));
  } else {
    std::make_shared<ChatWhole>(exchange, head, *chat)->Run(context, std::move(tasks));
  }
}

void HandleCompletions(Context& context, const ExchangePtr& exchange) {
  const core::Result<Json> json = ParseBody(exchange->request().body);
  if (!json.ok()) return SendOpenAiError(*exchange, json.status());
  core::Result<OpenAiCompletions> request = ParseOpenAiCompletions(*json);
  if (!request.ok()) return SendOpenAiError(*exchange, request.status());
  std::vector<ChatTask> tasks;
  for (ChatTask& task : request->tasks) {
    SetAsker(context, *exchange, task);
    for (ChatTask& one : Choices(task, request->delivery.choices)) tasks.push_back(std::move(one));
  }
  const OpenAiHead head{NewId("cmpl-", 24), tasks.front().model, UnixSeconds(context.clock)};
  if (request->delivery.stream) {
    std::make_shared<CompletionStream>(exchange, head, *request)->Run(context, std::move(tasks));
  } else {
    std::make_shared<CompletionWhole>(exchange, head, *request)->Run(context, std::move(tasks));
  }
}

void HandleEmbeddings(Context& context, const ExchangePtr& exchange) {
  const core::Result<Json> json = ParseBody(exchange->request().body);
  if (!json.ok()) return SendOpenAiError(*exchange, json.status());
  core::Result<OpenAiEmbeddings> request = ParseOpenAiEmbeddings(*json);
  if (!request.ok()) return SendOpenAiError(*exchange, request.status());
  request->task.cancelled = [exchange] { return exchange->gone(); };
  const core::Result<EmbedResult> result = Embed(context.models, request->task);
  if (!result.ok()) return SendOpenAiError(*exchange, result.status());
  exchange->Send(JsonReply(200, EmbeddingsJson(*request, *result)));
}

constexpr std::array kRoutes = {
    Route{Method::kPost, "/v1/chat/completions", Role::kInfer, kLargeBody, HandleChatCompletions},
    Route{Method::kPost, "/v1/completions", Role::kInfer, kLargeBody, HandleCompletions},
    Route{Method::kPost, "/v1/embeddings", Role::kInfer, kLargeBody, HandleEmbeddings},
    Route{Method::kPost, "/v1/responses", Role::kInfer, kLargeBody, HandleResponses},
    Route{Method::kGet, "/v1/responses/:id", Role::kInfer, kNoBody, HandleGetResponse},
    Route{Method::kDelete, "/v1/responses/:id", Role::kInfer, kNoBody, HandleDeleteResponse},
    Route{Method::kGet, "/v1/responses/:id/input_items", Role::kInfer, kNoBody,
          HandleResponseItems},
    Route{Method::kGet, "/v1/models", Role::kInfer, kNoBody, HandleListModels},
    Route{Method::kGet, "/v1/models/:name*", Role::kInfer, kNoBody, HandleGetModel},
};

}  // namespace

std::span<const Route> OpenAiRoutes() { return kRoutes; }

}  // namespace ingot::server
