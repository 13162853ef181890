#include "cli/remote_run.h"

#include <optional>
#include <utility>

#include "cli/answer.h"
#include "cli/server_access.h"
#include "core/strings.h"
#include "server/client.h"
#include "text/chat/message.h"
#include "text/parse/output_parser.h"

namespace ingot::cli {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

std::string TextIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

double NumberIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number() ? found->get<double>() : 0;
}

Json RequestFor(const RemoteQuestion& question) {
  Json request = {{"model", question.model}};
  if (!question.options.empty()) request["options"] = question.options;
  if (question.raw) {
    request["prompt"] = question.prompt;
    request["raw"] = true;
    return request;
  }
  if (!question.think.effort.empty()) {
    request["think"] = question.think.effort;
  } else if (question.think.on) {
    request["think"] = *question.think.on;
  }
  if (!question.messages.empty()) {
    request["messages"] = question.messages;
    return request;
  }
  Json messages = Json::array();
  if (!question.system.empty()) {
    messages.push_back({{"role", "system"}, {"content", question.system}});
  }
  messages.push_back({{"role", "user"}, {"content", question.prompt}});
  request["messages"] = std::move(messages);
  return request;
}

// The lines of an answer, shown as they come.
class Lines {
 public:
  explicit Lines(Answer& answer) : answer_(answer) {}

  bool Take(std::string_view bytes) {
    rest_.append(bytes);
    for (size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
      Show(core::ParseJson(std::string_view(rest_).substr(0, end)));
      rest_.erase(0, end + 1);
      if (!error_.ok()) return false;
    }
    return true;
  }
  const Status& error() const { return error_; }
  const Json& last() const { return last_; }

 private:
  void Show(const Result<Json>& line) {
    if (!line.ok() || !line->is_object()) {
      error_ = core::Corrupt("the server's answer is not understood");
      return;
    }
    if (const std::string error = TextIn(*line, "error"); !error.empty()) {
      error_ = core::IoError(error);
      return;
    }
    const bool chat = line->contains("message") && (*line)["message"].is_object();
    const Json& from = chat ? (*line)["message"] : *line;
    text::ParsedPiece piece;
    piece.thinking = TextIn(from, "thinking");
    piece.content = TextIn(from, chat ? "content" : "response");
    if (from.contains("tool_calls") && from["tool_calls"].is_array()) {
      for (const Json& call : from["tool_calls"]) {
        if (!call.is_object() || !call.contains("function")) continue;
        const Json& function = call["function"];
        text::ToolCall made;
        made.name = TextIn(function, "name");
        if (function.contains("arguments")) made.arguments = function["arguments"];
        piece.calls.push_back(std::move(made));
      }
    }
    answer_.AddPiece(piece);
    last_ = *line;
  }

  Answer& answer_;
  std::string rest_;
  Status error_;
  Json last_ = Json::object();
};

engine::GenerationTimings TimingsOf(const Json& last) {
  engine::GenerationTimings timings;
  timings.prompt_tokens = static_cast<int>(NumberIn(last, "prompt_eval_count"));
  timings.kept_tokens = static_cast<int>(NumberIn(last, "prompt_eval_cached_count"));
  timings.generated_tokens = static_cast<int>(NumberIn(last, "eval_count"));
  timings.prefill_seconds = NumberIn(last, "prompt_eval_duration") * 1e-9;
  timings.first_token_seconds = timings.prefill_seconds;
  timings.decode_seconds = NumberIn(last, "eval_duration") * 1e-9;
  return timings;
}

}  // namespace

bool ServerHas(const std::string& model) {
  std::optional<server::Client> client = RunningServer();
  if (!client) return false;
  const Json request = {{"model", model}};
  const auto reply = client->Call(server::Method::kPost, "/api/show", server::WireJson(request));
  return reply.ok() && reply->status == 200;
}

Result<bool> AskServer(Session& session, const RemoteQuestion& question, RemoteAnswer* said) {
  std::optional<server::Client> client = RunningServer();
  if (!client) return false;
  const Json request = RequestFor(question);
  Answer answer(session, nullptr, nullptr, {}, /*quiet=*/false);
  Lines lines(answer);
  const auto reply = client->Call(
      server::Method::kPost, question.raw ? "/api/generate" : "/api/chat",
      server::WireJson(request), [&](std::string_view bytes) { return lines.Take(bytes); });
  if (said != nullptr) *said = {answer.thinking(), answer.text(), answer.calls()};
  INGOT_TRY(lines.error());
  if (!reply.ok()) {
    if (reply.status().code() == core::Code::kCancelled) answer.Finish();
    return reply.status();
  }
  if (reply->status == 404) return false;
  if (reply->status != 200) {
    const Result<Json> json = core::ParseJson(reply->body);
    const std::string error = json.ok() && json->is_object() ? TextIn(*json, "error") : "";
    Status status = core::InvalidArgument(
        error.empty() ? StrCat("the server answered with status ", reply->status) : error);
    if (reply->status == 401 || reply->status == 403) {
      return std::move(status).WithHint("INGOT_API_KEY gives the key that it asks for.");
    }
    return status;
  }
  answer.Finish();
  if (question.verbose) {
    session.Note("\n" +
                 TimingsText(TimingsOf(lines.last()), TextIn(lines.last(), "prompt_eval_miss")));
  }
  return true;
}

}  // namespace ingot::cli
