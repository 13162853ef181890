#include "server/openai_completions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/strings.h"
#include "server/openai_fields.h"
#include "server/ruled_fields.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

constexpr size_t kMostPrompts = 64;
constexpr int kMostChoices = 16;
constexpr int kMostTop = 20;
constexpr int kDefaultTokens = 16;  // as the interface says

constexpr std::array kRules = {
    FieldRule{"model"},
    FieldRule{"prompt"},
    FieldRule{"echo"},
    FieldRule{"logprobs"},
    FieldRule{"max_tokens"},
    FieldRule{"n"},
    FieldRule{"seed"},
    FieldRule{"stop"},
    FieldRule{"stream"},
    FieldRule{"stream_options"},
    FieldRule{"temperature"},
    FieldRule{"top_p"},
    FieldRule{"top_k"},
    FieldRule{"min_p"},
    FieldRule{"frequency_penalty"},
    FieldRule{"presence_penalty"},
    FieldRule{"repetition_penalty"},
    FieldRule{"logit_bias"},
    FieldRule{"response_format"},
    FieldRule{"user", FieldUse::kNoted},
    FieldRule{"best_of", FieldUse::kOnly, "[1]"},
    FieldRule{"suffix", FieldUse::kOnly, R"([""])"},
};
bool IsTokens(const Json& json) {
  return json.is_array() && !json.empty() &&
         std::all_of(json.begin(), json.end(), [](const Json& one) { return one.is_number(); });
}

core::Result<std::vector<int>> TokensOf(const Json& json, const std::string& place) {
  std::vector<int> tokens;
  tokens.reserve(json.size());
  for (const Json& one : json) {
    if (!one.is_number_integer() || one.get<int64_t>() < 0 || one.get<int64_t>() > INT32_MAX) {
      return WrongValue(place, "numbers of tokens", one);
    }
    tokens.push_back(one.get<int>());
  }
  return tokens;
}

Status AddPrompt(const Json& json, const std::string& place, const ChatTask& base,
                 OpenAiCompletions& request) {
  ChatTask task = base;
  std::string text;
  if (json.is_string()) {
    text = json.get<std::string>();
    task.raw = text;
  } else if (IsTokens(json)) {
    INGOT_ASSIGN(task.tokens, TokensOf(json, place));
    // Their texts come with their logprobs.
    if (request.echo) {
      task.prompt_logprobs = true;
      task.logprobs = std::max(task.logprobs, 0);
    }
  } else {
    return WrongValue(place, "a text or a list of tokens", json);
  }
  if (json.empty() || (json.is_string() && text.empty())) {
    return core::InvalidArgument(StrCat(place, ": empty"));
  }
  request.tasks.push_back(std::move(task));
  request.prompts.push_back(std::move(text));
  return {};
}

Status ReadPrompts(const RuledFields& fields, const ChatTask& base, OpenAiCompletions& request) {
  const Json* prompt = fields.Find("prompt");
  if (prompt == nullptr) return core::InvalidArgument("prompt: required, and missing");
  if (!prompt->is_array() || IsTokens(*prompt)) return AddPrompt(*prompt, "prompt", base, request);
  if (prompt->empty() || prompt->size() > kMostPrompts) {
    return core::InvalidArgument(
        StrCat("prompt: from 1 to ", kMostPrompts, " prompts, found ", prompt->size()));
  }
  for (size_t i = 0; i < prompt->size(); ++i) {
    INGOT_TRY(AddPrompt((*prompt)[i], StrCat("prompt[", i, "]"), base, request));
  }
  return {};
}

size_t Characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

core::Result<OpenAiCompletions> ParseOpenAiCompletions(const Json& json) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, "", kRules));
  OpenAiCompletions request;
  INGOT_ASSIGN(ChatTask base, OpenAiTask(fields));
  base.settings.emplace_back("num_predict", kDefaultTokens);
  INGOT_TRY(ReadOpenAiSampling(fields, base));
  INGOT_ASSIGN(const std::optional<bool> echo, fields.Flag("echo"));
  request.echo = echo.value_or(false);
  INGOT_ASSIGN(const std::optional<int64_t> logprobs, fields.Integer("logprobs", 0, kMostTop));
  if (logprobs) base.logprobs = static_cast<int>(*logprobs);
  request.logprobs = logprobs.has_value();
  base.prompt_logprobs = request.echo && logprobs.has_value();
  if (const Json* format = fields.Find("response_format")) {
    base.format_field = "response_format";
    INGOT_ASSIGN(base.format, ReadOpenAiFormat(*format, "response_format", false));
  }
  INGOT_ASSIGN(request.delivery, ReadOpenAiDelivery(fields, kMostChoices));
  INGOT_TRY(ReadPrompts(fields, base, request));
  if (request.tasks.size() * static_cast<size_t>(request.delivery.choices) > kMostPrompts) {
    return core::InvalidArgument(
        StrCat("n: at most ", kMostPrompts, " answers can be asked for at once"));
  }
  return request;
}

Json CompletionLogprobs(const std::vector<PieceLogprob>& logprobs, bool first_is_null,
                        size_t& offset) {
  Json tokens = Json::array();
  Json values = Json::array();
  Json tops = Json::array();
  Json offsets = Json::array();
  for (size_t i = 0; i < logprobs.size(); ++i) {
    const PieceLogprob& one = logprobs[i];
    tokens.push_back(one.chosen.bytes);
    offsets.push_back(offset);
    offset += Characters(one.chosen.bytes);
    if (i == 0 && first_is_null) {
      values.push_back(nullptr);
      tops.push_back(nullptr);
      continue;
    }
    values.push_back(one.chosen.logprob);
    Json top = Json::object();
    for (const TokenText& token : one.top) {
      // Tokens of half a character look alike; the likeliest of them stands.
      if (!top.contains(token.bytes)) top[token.bytes] = token.logprob;
    }
    top[one.chosen.bytes] = one.chosen.logprob;
    tops.push_back(std::move(top));
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(values)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

std::string EchoedPrompt(const OpenAiCompletions& request, size_t answer,
                         const AnswerStart& start) {
  std::string text = request.prompts[answer / static_cast<size_t>(request.delivery.choices)];
  if (!text.empty()) return text;
  for (const PieceLogprob& token : start.prompt) text += token.chosen.bytes;
  return text;
}

Json CompletionChunk(const OpenAiHead& head, int index, std::string_view text, Json logprobs,
                     Json finish) {
  return {{"id", head.id},
          {"object", "text_completion"},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", "fp_ingot"},
          {"choices", Json::array({Json{{"text", text},
                                        {"index", index},
                                        {"logprobs", std::move(logprobs)},
                                        {"finish_reason", std::move(finish)}}})}};
}

Json Completion(const OpenAiHead& head, const std::vector<CompletionAnswer>& answers, int choices,
                bool echo, bool logprobs) {
  Json list = Json::array();
  OpenAiUsage usage;
  for (size_t i = 0; i < answers.size(); ++i) {
    const CompletionAnswer& one = answers[i];
    OpenAiUsage own;
    own.Add(one.answer.end);
    usage.completion += own.completion;
    if (i % static_cast<size_t>(choices) == 0) {
      usage.prompt += own.prompt;
      usage.cached += own.cached;
    }
    Json probabilities;
    if (logprobs) {
      std::vector<PieceLogprob> all;
      if (echo) all = one.start.prompt;
      all.insert(all.end(), one.answer.all.logprobs.begin(), one.answer.all.logprobs.end());
      size_t offset = 0;
      probabilities = CompletionLogprobs(all, echo, offset);
    }
    list.push_back(
        {{"text", (echo ? one.prompt : "") + one.answer.all.content},
         {"index", i},
         {"logprobs", std::move(probabilities)},
         {"finish_reason", one.answer.end.finish == engine::Finish::kLength ? "length" : "stop"}});
  }
  return {{"id", head.id},
          {"object", "text_completion"},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", "fp_ingot"},
          {"choices", std::move(list)},
          {"usage", UsageJson(usage)}};
}

}  // namespace ingot::server
