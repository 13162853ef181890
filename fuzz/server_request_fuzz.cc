// Any text as the body of a request, as an address to listen on, as the target of a request and as
// a file of keys: refused with a message, or read into what stays within its bounds.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/address.h"
#include "server/api_keys.h"
#include "server/fields.h"
#include "server/guard.h"
#include "server/net/head.h"
#include "server/ollama_request.h"

namespace {

using namespace ingot::server;  // NOLINT(google-build-using-namespace): one file, one subject

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckTask(const ingot::core::Result<OllamaRequest>& request) {
  if (!request.ok()) return Require(!request.status().message().empty());
  const ChatTask& task = request->task;
  Require(!task.model.empty());
  Require(task.logprobs >= -1 && task.logprobs <= 20);
  for (const int token : task.context) Require(token >= 0);
  // What was read as an option is one, whatever its value.
  ingot::engine::RequestOptions options;
  for (const auto& [name, value] : task.settings) {
    Require(ingot::engine::SetOption(options, name, value).ok());
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
  switch (data[0] % 5) {
    case 0:
      CheckTask(ReadGenerate(text));
      break;
    case 1:
      CheckTask(ReadChat(text));
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
