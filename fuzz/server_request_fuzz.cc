// Any text as the body of a request, as an address to listen on, as the target of a request and as
// a file of keys: refused with a message, or read into what stays within its bounds.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/address.h"
#include "server/anthropic_request.h"
#include "server/api_keys.h"
#include "server/fields.h"
#include "server/guard.h"
#include "server/http_types.h"
#include "server/net/head.h"
#include "server/ollama_request.h"
#include "server/openai_chat.h"
#include "server/openai_completions.h"
#include "server/openai_embeddings.h"
#include "server/openai_fields.h"
#include "server/openai_responses.h"

namespace {

using namespace ingot::server;  // NOLINT(google-build-using-namespace): one file, one subject

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckTask(const ChatTask& task) {
  Require(task.logprobs >= -1 && task.logprobs <= 20);
  for (const int token : task.context) Require(token >= 0);
  // What was read as an option is one, whatever its value.
  ingot::engine::RequestOptions options;
  for (const auto& [name, value] : task.settings) {
    Require(ingot::engine::SetOption(options, name, value).ok());
  }
}

void CheckOllama(const ingot::core::Result<OllamaRequest>& request) {
  if (!request.ok()) return Require(!request.status().message().empty());
  Require(!request->task.model.empty());
  CheckTask(request->task);
}

// Nothing was wrong with it, or what was can be told in the shape that the interface has for it.
bool Read(const ingot::core::Status& status) {
  if (status.ok()) return true;
  Require(!status.message().empty());
  Require(WireJson(OpenAiErrorBody(status)).size() > 2);
  return false;
}

void CheckCompletions(const ingot::core::Json& json) {
  const auto request = ParseOpenAiCompletions(json);
  if (!Read(request.status())) return;
  Require(!request->tasks.empty());
  for (const ChatTask& task : request->tasks) CheckTask(task);
}

// By the OpenAI and Anthropic interfaces.
void CheckOthers(uint8_t which, const ingot::core::Json& json) {
  switch (which % 5) {
    case 0:
      if (const auto chat = ParseOpenAiChat(json); Read(chat.status())) CheckTask(chat->task);
      break;
    case 1:
      CheckCompletions(json);
      break;
    case 2:
      if (const auto embeddings = ParseOpenAiEmbeddings(json); Read(embeddings.status())) {
        Require(!embeddings->task.inputs.empty());
      }
      break;
    case 3: {
      (void)PreviousResponseId(json);
      const auto response = ParseOpenAiResponses(json, ingot::core::Json::array());
      if (Read(response.status())) CheckTask(response->task);
      break;
    }
    default:
      for (const bool counting : {false, true}) {
        const auto message = ParseAnthropic(json, counting);
        if (Read(message.status())) CheckTask(message->task);
      }
  }
}

void CheckHeadOf(std::string_view text) {
  Request request;
  const size_t space = text.find(' ');
  const Reply reply = ReadTarget(text.substr(0, space),
                                 space == std::string_view::npos ? "/" : text.substr(space + 1),
                                 HttpLimits(), request);
  if (reply.status == 200) Require(!request.path.empty() && request.path.front() == '/');
  Headers headers;
  headers.Add("host", std::string(text));
  const Guard guard({.hosts = {}, .origins = {}, .own_host = "own"});
  (void)guard.CheckHost(headers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] >= 'A') {
    if (const auto json = ParseBody(text); json.ok()) CheckOthers(data[0] - 'A', *json);
    return 0;
  }
  switch (data[0] % 5) {
    case 0:
      CheckOllama(ReadGenerate(text));
      break;
    case 1:
      CheckOllama(ReadChat(text));
      break;
    case 2:
      if (const auto address = ParseAddress(text); address.ok()) Require(!address->host.empty());
      (void)ParseGoDuration(text);
      break;
    case 3:
      CheckHeadOf(text);
      break;
    default:
      if (const auto keys = ApiKeys::Parse(text); keys.ok()) Require(!keys->empty());
  }
  return 0;
}
