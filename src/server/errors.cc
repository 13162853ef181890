#include "server/errors.h"

#include <array>
#include <string>
#include <utility>

#include "core/strings.h"

namespace ingot::server {
namespace {

using core::Json;

constexpr size_t kMaxErrorBytes = 4000;

struct ErrorKind {
  int status;
  std::string_view openai;
  std::string_view anthropic;
};

constexpr std::array<ErrorKind, 8> kKinds = {{
    {400, "invalid_request_error", "invalid_request_error"},
    {401, "authentication_error", "authentication_error"},
    {403, "permission_error", "permission_error"},
    {404, "not_found_error", "not_found_error"},
    {413, "invalid_request_error", "request_too_large"},
    {429, "rate_limit_error", "rate_limit_error"},
    {503, "api_error", "overloaded_error"},
    {500, "api_error", "api_error"},
}};

const ErrorKind& KindOf(int status) {
  for (const ErrorKind& kind : kKinds) {
    if (kind.status == status) return kind;
  }
  return status < 500 ? kKinds.front() : kKinds.back();
}

}  // namespace

int HttpStatusOf(const core::Status& status) {
  switch (status.code()) {
    case core::Code::kOk:
      return 200;
    case core::Code::kInvalidArgument:
    case core::Code::kUnsupported:
    case core::Code::kExhausted:
      return 400;
    case core::Code::kNotFound:
      return 404;
    case core::Code::kAlreadyExists:
      return 409;
    case core::Code::kPermission:
      return 403;
    case core::Code::kBusy:
      return 503;
    case core::Code::kNoSpace:
      return 507;
    case core::Code::kCancelled:
      return 499;
    case core::Code::kCorrupt:
    case core::Code::kIo:
    case core::Code::kInternal:
      break;
  }
  return 500;
}

std::string ErrorText(const core::Status& status) {
  std::string text = core::Printable(status.message(), kMaxErrorBytes);
  if (!status.hint().empty()) text += core::StrCat(". ", core::Printable(status.hint(), 1000));
  return text;
}

Json ErrorBody(ApiStyle style, int http_status, std::string_view message,
               std::string_view request_id) {
  const ErrorKind& kind = KindOf(http_status);
  switch (style) {
    case ApiStyle::kOllama:
      return {{"error", message}};
    case ApiStyle::kOpenAi:
      return {
          {"error",
           {{"message", message}, {"type", kind.openai}, {"param", nullptr}, {"code", nullptr}}}};
    case ApiStyle::kAnthropic:
      break;
  }
  return {{"type", "error"},
          {"error", {{"type", kind.anthropic}, {"message", message}}},
          {"request_id", request_id}};
}

Reply ErrorReply(ApiStyle style, int http_status, std::string_view message,
                 std::string_view request_id, int retry_seconds) {
  Reply reply = JsonReply(http_status, ErrorBody(style, http_status, message, request_id));
  if (http_status == 503) reply.headers.Add("Retry-After", core::StrCat(retry_seconds));
  if (http_status == 401) reply.headers.Add("WWW-Authenticate", "Bearer");
  return reply;
}

Reply ErrorReply(ApiStyle style, const Refusal& refusal, std::string_view request_id) {
  return ErrorReply(style, HttpStatusOf(refusal.status), ErrorText(refusal.status), request_id,
                    refusal.retry_seconds.value_or(1));
}

void SendError(Exchange& exchange, const Refusal& refusal) {
  exchange.Send(ErrorReply(exchange.style(), refusal, exchange.request().id));
}

void SendError(Exchange& exchange, int http_status, std::string_view message) {
  exchange.Send(ErrorReply(exchange.style(), http_status, message, exchange.request().id));
}

}  // namespace ingot::server
