#include "server/openai_chat.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "core/strings.h"
#include "server/http_types.h"
#include "server/openai_fields.h"
#include "server/ruled_fields.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

constexpr int kMostChoices = 16;
constexpr int kMostTop = 20;

constexpr std::array kChatRules = {
    FieldRule{"model"},
    FieldRule{"messages"},
    FieldRule{"stream"},
    FieldRule{"stream_options"},
    FieldRule{"max_tokens"},
    FieldRule{"max_completion_tokens"},
    FieldRule{"n"},
    FieldRule{"seed"},
    FieldRule{"stop"},
    FieldRule{"temperature"},
    FieldRule{"top_p"},
    FieldRule{"top_k"},
    FieldRule{"min_p"},
    FieldRule{"frequency_penalty"},
    FieldRule{"presence_penalty"},
    FieldRule{"repetition_penalty"},
    FieldRule{"logit_bias"},
    FieldRule{"logprobs"},
    FieldRule{"top_logprobs"},
    FieldRule{"response_format"},
    FieldRule{"tools"},
    FieldRule{"tool_choice"},
    FieldRule{"parallel_tool_calls"},
    FieldRule{"reasoning_effort"},
    FieldRule{"reasoning"},
    FieldRule{"user", FieldUse::kNoted},
    FieldRule{"safety_identifier", FieldUse::kNoted},
    FieldRule{"prompt_cache_key", FieldUse::kNoted},
    FieldRule{"metadata", FieldUse::kNoted},
    FieldRule{"store", FieldUse::kOnly, "[false]"},
    FieldRule{"service_tier", FieldUse::kOnly, R"(["auto", "default"])"},
    FieldRule{"modalities", FieldUse::kOnly, R"([["text"]])"},
    FieldRule{"functions", FieldUse::kRefused, "use tools"},
    FieldRule{"function_call", FieldUse::kRefused, "use tool_choice"},
    FieldRule{"audio", FieldUse::kRefused, "answers are text"},
    FieldRule{"prediction", FieldUse::kRefused},
    FieldRule{"web_search_options", FieldUse::kRefused, "nothing is looked up on the web"},
    FieldRule{"verbosity", FieldUse::kRefused, "say it in a message"},
    FieldRule{"prompt_cache_retention", FieldUse::kRefused},
    FieldRule{"moderation", FieldUse::kRefused},
};

constexpr std::array kMessageRules = {
    FieldRule{"role"},
    FieldRule{"content"},
    FieldRule{"name"},
    FieldRule{"tool_calls"},
    FieldRule{"tool_call_id"},
    FieldRule{"reasoning"},
    FieldRule{"reasoning_content"},
    FieldRule{"thinking"},
    // Clients send back whole answers, of which these say nothing to the model.
    FieldRule{"annotations", FieldUse::kNoted},
    FieldRule{"refusal", FieldUse::kRefused, "put it into content"},
    FieldRule{"audio", FieldUse::kRefused},
    FieldRule{"function_call", FieldUse::kRefused, "use tool_calls"},
};
constexpr std::array kRoles = {"system", "developer", "user", "assistant", "tool"};
constexpr std::array kPartRules = {FieldRule{"type", FieldUse::kOnly, R"(["text", "image_url"])"},
                                   FieldRule{"text"}, FieldRule{"image_url"}};

constexpr std::array kReasoningRules = {FieldRule{"effort"}, FieldRule{"max_tokens"},
                                        FieldRule{"exclude", FieldUse::kOnly, "[false]"}};
Status CheckImage(const Json& image, const std::string& place) {
  const Json* url = &image;
  if (image.is_object()) {
    const auto found = image.find("url");
    if (found == image.end()) return core::InvalidArgument(StrCat(place, ".url: missing"));
    url = &*found;
  }
  if (!url->is_string()) return WrongValue(place, "a data URI", *url);
  if (!url->get_ref<const std::string&>().starts_with("data:")) {
    return core::Unsupported(
        StrCat(place, ": only data URIs are taken, nothing is fetched from the network"));
  }
  return {};
}

Status CheckContent(const Json& message, const std::string& place) {
  const auto content = message.find("content");
  if (content == message.end() || !content->is_array()) return {};
  for (size_t i = 0; i < content->size(); ++i) {
    const std::string part = StrCat(place, ".content[", i, "]");
    INGOT_ASSIGN(const RuledFields fields, RuledFields::Of((*content)[i], part, kPartRules));
    INGOT_ASSIGN(const std::string type, fields.RequiredText("type"));
    if (type != "image_url") continue;
    const Json* image = fields.Find("image_url");
    if (image == nullptr) return core::InvalidArgument(StrCat(part, ".image_url: missing"));
    INGOT_TRY(CheckImage(*image, part + ".image_url"));
  }
  return {};
}

Status CheckMessage(const Json& message, const std::string& place) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(message, place, kMessageRules));
  INGOT_ASSIGN(const std::string role, fields.RequiredText("role"));
  if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
    return core::InvalidArgument(
        StrCat(place, ".role: expected system, developer, user, assistant or tool, found ",
               core::Quoted(role, 40)));
  }
  if (fields.Has("name") && role != "tool") {
    return core::Unsupported(
        StrCat(place, ".name: models are not told names, only those of tools"));
  }
  if (role == "tool" && !fields.Has("tool_call_id")) {
    return core::InvalidArgument(StrCat(place, ".tool_call_id: required, and missing"));
  }
  if (!fields.Has("content") && role != "assistant") {
    return core::InvalidArgument(StrCat(place, ".content: required, and missing"));
  }
  return CheckContent(message, place);
}

Status ReadReasoning(const RuledFields& fields, ChatTask& task) {
  INGOT_ASSIGN(const std::optional<std::string> effort, fields.Text("reasoning_effort"));
  if (effort) {
    INGOT_ASSIGN(task.chat->think, ThinkOfEffort("reasoning_effort", *effort));
  }
  const Json* reasoning = fields.Find("reasoning");
  if (reasoning == nullptr) return {};
  INGOT_ASSIGN(const RuledFields inner, RuledFields::Of(*reasoning, "reasoning", kReasoningRules));
  INGOT_ASSIGN(const std::optional<std::string> level, inner.Text("effort"));
  if (level) {
    INGOT_ASSIGN(task.chat->think, ThinkOfEffort("reasoning.effort", *level));
  }
  INGOT_ASSIGN(const std::optional<int64_t> budget, inner.Integer("max_tokens", 0, 1 << 30));
  if (budget) task.thinking_budget = static_cast<int>(*budget);
  return {};
}

Status ReadLogprobs(const RuledFields& fields, ChatTask& task) {
  INGOT_ASSIGN(const std::optional<bool> wanted, fields.Flag("logprobs"));
  INGOT_ASSIGN(const std::optional<int64_t> top, fields.Integer("top_logprobs", 0, kMostTop));
  if (top && !wanted.value_or(false)) {
    return core::InvalidArgument("top_logprobs: logprobs must be true with it");
  }
  if (wanted.value_or(false)) task.logprobs = static_cast<int>(top.value_or(0));
  return {};
}

Json CallJson(const text::ToolCall& call) {
  return {{"id", call.id},
          {"type", "function"},
          {"function", {{"name", call.name}, {"arguments", WireJson(call.arguments)}}}};
}

}  // namespace

core::Result<std::vector<text::Message>> OpenAiMessages(const Json& list) {
  for (size_t i = 0; i < list.size(); ++i) {
    INGOT_TRY(CheckMessage(list[i], StrCat("messages[", i, "]")));
  }
  core::Result<std::vector<text::Message>> read = text::MessagesFromJson(list);
  if (!read.ok()) return core::InvalidArgument(std::string(read.status().message()));
  std::vector<text::Message> messages = *std::move(read);
  for (text::Message& message : messages) {
    if (message.role == "developer") message.role = "system";
  }
  // A result says which call it belongs to; templates want to know which tool that was.
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != "tool" || !messages[i].tool_name.empty()) continue;
    for (size_t earlier = 0; earlier < i; ++earlier) {
      for (const text::ToolCall& call : messages[earlier].tool_calls) {
        if (call.id == messages[i].tool_call_id) messages[i].tool_name = call.name;
      }
    }
  }
  return messages;
}

core::Result<OpenAiChat> ParseOpenAiChat(const Json& json) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, "", kChatRules));
  OpenAiChat chat;
  INGOT_ASSIGN(chat.task, OpenAiTask(fields));
  ChatTask& task = chat.task;
  task.chat.emplace();
  INGOT_ASSIGN(const Json* messages, fields.RequiredList("messages"));
  if (messages->empty()) return core::InvalidArgument("messages: at least one is needed");
  INGOT_ASSIGN(task.chat->messages, OpenAiMessages(*messages));
  INGOT_TRY(ReadOpenAiSampling(fields, task));
  INGOT_TRY(ReadOpenAiTools(fields, false, task));
  INGOT_TRY(ReadReasoning(fields, task));
  INGOT_TRY(ReadLogprobs(fields, task));
  if (const Json* format = fields.Find("response_format")) {
    task.format_field = "response_format";
    INGOT_ASSIGN(task.format, ReadOpenAiFormat(*format, "response_format", false));
  }
  INGOT_ASSIGN(chat.delivery, ReadOpenAiDelivery(fields, kMostChoices));
  return chat;
}

void OpenAiUsage::Add(const AnswerEnd& end) {
  prompt = std::max(prompt, end.timings.prompt_tokens);
  cached = std::max(cached, end.timings.kept_tokens);
  completion += end.timings.generated_tokens;
}

Json UsageJson(const OpenAiUsage& usage) {
  return {{"prompt_tokens", usage.prompt},
          {"completion_tokens", usage.completion},
          {"total_tokens", usage.prompt + usage.completion},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached}}}};
}

namespace {

Json ChunkOf(const OpenAiHead& head, Json choices) {
  return {
      {"id", head.id},       {"object", "chat.completion.chunk"}, {"created", head.created},
      {"model", head.model}, {"system_fingerprint", "fp_ingot"},  {"choices", std::move(choices)}};
}

}  // namespace

Json ChatChunks::Chunk(Json delta, Json finish) {
  if (first_) {
    Json with_role = {{"role", "assistant"}};
    with_role.update(delta);
    delta = std::move(with_role);
    first_ = false;
  }
  Json chunk = ChunkOf(head_, Json::array({Json{{"index", index_},
                                                {"delta", std::move(delta)},
                                                {"logprobs", nullptr},
                                                {"finish_reason", std::move(finish)}}}));
  if (usage_) chunk["usage"] = nullptr;
  return chunk;
}

std::vector<Json> ChatChunks::Piece(const AnswerPiece& piece) {
  std::vector<Json> chunks;
  if (!piece.thinking.empty()) {
    chunks.push_back(Chunk({{"content", ""}, {"reasoning", piece.thinking}}, nullptr));
  }
  if (!piece.content.empty()) chunks.push_back(Chunk({{"content", piece.content}}, nullptr));
  if (!piece.calls.empty()) {
    Json calls = Json::array();
    for (const text::ToolCall& call : piece.calls) {
      Json one = {{"index", calls_++}};
      one.update(CallJson(call));
      calls.push_back(std::move(one));
    }
    chunks.push_back(Chunk({{"content", ""}, {"tool_calls", std::move(calls)}}, nullptr));
  }
  if (!logprobs_ || piece.logprobs.empty()) return chunks;
  // Tokens may become certain before their text does.
  if (chunks.empty()) chunks.push_back(Chunk({{"content", ""}}, nullptr));
  chunks.front()["choices"][0]["logprobs"] = {{"content", OpenAiLogprobs(piece.logprobs)},
                                              {"refusal", nullptr}};
  return chunks;
}

std::vector<Json> ChatChunks::End(const AnswerEnd& end) {
  std::vector<Json> chunks;
  if (first_) chunks.push_back(Chunk({{"content", ""}}, nullptr));
  chunks.push_back(Chunk(Json::object(), OpenAiFinish(end)));
  return chunks;
}

Json UsageChunk(const OpenAiHead& head, const OpenAiUsage& usage) {
  Json chunk = ChunkOf(head, Json::array());
  chunk["usage"] = UsageJson(usage);
  return chunk;
}

void WholeAnswer::Add(AnswerPiece piece) {
  all.thinking += piece.thinking;
  all.content += piece.content;
  std::move(piece.calls.begin(), piece.calls.end(), std::back_inserter(all.calls));
  std::move(piece.logprobs.begin(), piece.logprobs.end(), std::back_inserter(all.logprobs));
}

Json ChatCompletion(const OpenAiHead& head, const std::vector<WholeAnswer>& answers,
                    bool logprobs) {
  Json choices = Json::array();
  OpenAiUsage usage;
  for (size_t i = 0; i < answers.size(); ++i) {
    const WholeAnswer& answer = answers[i];
    usage.Add(answer.end);
    Json message = {{"role", "assistant"}};
    // Calls without a word beside them have no content.
    message["content"] =
        answer.all.content.empty() && !answer.all.calls.empty() ? Json() : Json(answer.all.content);
    message["refusal"] = nullptr;
    if (!answer.all.thinking.empty()) message["reasoning"] = answer.all.thinking;
    if (!answer.all.calls.empty()) {
      message["tool_calls"] = Json::array();
      for (const text::ToolCall& call : answer.all.calls) {
        message["tool_calls"].push_back(CallJson(call));
      }
    }
    Json probabilities;
    if (logprobs) {
      probabilities = {{"content", OpenAiLogprobs(answer.all.logprobs)}, {"refusal", nullptr}};
    }
    choices.push_back({{"index", i},
                       {"message", std::move(message)},
                       {"logprobs", std::move(probabilities)},
                       {"finish_reason", OpenAiFinish(answer.end)}});
  }
  return {{"id", head.id},
          {"object", "chat.completion"},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", "fp_ingot"},
          {"choices", std::move(choices)},
          {"usage", UsageJson(usage)}};
}

}  // namespace ingot::server
