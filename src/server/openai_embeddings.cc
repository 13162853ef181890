#include "server/openai_embeddings.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "registry/base64.h"
#include "server/fields.h"
#include "server/openai_fields.h"
#include "server/ruled_fields.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

constexpr size_t kMostInputs = 2048;

constexpr std::array kRules = {
    FieldRule{"model"}, FieldRule{"input"},
    FieldRule{"encoding_format", FieldUse::kOnly, R"(["float", "base64"])"},
    FieldRule{"dimensions"}, FieldRule{"user", FieldUse::kNoted}};

bool IsTokens(const Json& json) {
  return json.is_array() && !json.empty() &&
         std::all_of(json.begin(), json.end(), [](const Json& one) { return one.is_number(); });
}

Status AddInput(const Json& json, const std::string& place, EmbedTask& task) {
  if (json.is_string()) {
    if (json.get_ref<const std::string&>().empty()) {
      return core::InvalidArgument(StrCat(place, ": empty"));
    }
    task.inputs.emplace_back(json.get<std::string>());
    return {};
  }
  if (!IsTokens(json)) return WrongValue(place, "a text or a list of tokens", json);
  std::vector<int> tokens;
  for (const Json& one : json) {
    if (!one.is_number_integer() || one.get<int64_t>() < 0 || one.get<int64_t>() > INT32_MAX) {
      return WrongValue(place, "numbers of tokens", one);
    }
    tokens.push_back(one.get<int>());
  }
  task.inputs.emplace_back(std::move(tokens));
  return {};
}

std::string BytesOf(const std::vector<float>& vector) {
  std::string bytes;
  bytes.reserve(vector.size() * 4);
  for (const float value : vector) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<char>((bits >> shift) & 0xFFU));
    }
  }
  return bytes;
}

}  // namespace

core::Result<OpenAiEmbeddings> ParseOpenAiEmbeddings(const Json& json) {
  INGOT_ASSIGN(const RuledFields fields, RuledFields::Of(json, "", kRules));
  OpenAiEmbeddings request;
  EmbedTask& task = request.task;
  INGOT_ASSIGN(task.model, fields.RequiredText("model"));
  // A text that is too long is an error, as the interface has it.
  task.truncate = false;
  const Json* input = fields.Find("input");
  if (input == nullptr) return core::InvalidArgument("input: required, and missing");
  if (!input->is_array() || IsTokens(*input)) {
    INGOT_TRY(AddInput(*input, "input", task));
  } else {
    if (input->empty() || input->size() > kMostInputs) {
      return core::InvalidArgument(
          StrCat("input: from 1 to ", kMostInputs, " texts, found ", input->size()));
    }
    for (size_t i = 0; i < input->size(); ++i) {
      INGOT_TRY(AddInput((*input)[i], StrCat("input[", i, "]"), task));
    }
  }
  INGOT_ASSIGN(const std::optional<int64_t> size, fields.Integer("dimensions", 1, 1 << 20));
  task.dimensions = static_cast<size_t>(size.value_or(0));
  INGOT_ASSIGN(const std::optional<std::string> format, fields.Text("encoding_format"));
  request.base64 = format == "base64";
  return request;
}

Json EmbeddingsJson(const OpenAiEmbeddings& request, const EmbedResult& result) {
  Json data = Json::array();
  for (size_t i = 0; i < result.vectors.size(); ++i) {
    const std::vector<float>& vector = result.vectors[i];
    data.push_back({{"object", "embedding"},
                    {"index", i},
                    {"embedding", request.base64 ? Json(registry::EncodeBase64(BytesOf(vector)))
                                                 : Json(vector)}});
  }
  return {
      {"object", "list"},
      {"data", std::move(data)},
      {"model", request.task.model},
      {"usage", {{"prompt_tokens", result.prompt_tokens}, {"total_tokens", result.prompt_tokens}}}};
}

}  // namespace ingot::server
