// How errors are told: the HTTP status that fits a Status, and the body in the shape of the API
// that was spoken. Pure.
#ifndef INGOT_SERVER_ERRORS_H_
#define INGOT_SERVER_ERRORS_H_

#include <string_view>

#include "core/json.h"
#include "core/status.h"
#include "server/exchange.h"
#include "server/http_types.h"
#include "server/refusal.h"

namespace ingot::server {

int HttpStatusOf(const core::Status& status);

// The message with its hint, as clients see it: one line, printable.
std::string ErrorText(const core::Status& status);

core::Json ErrorBody(ApiStyle style, int http_status, std::string_view message,
                     std::string_view request_id);

// 503 carries Retry-After.
Reply ErrorReply(ApiStyle style, int http_status, std::string_view message,
                 std::string_view request_id, int retry_seconds = 1);

// The whole answer.
Reply ErrorReply(ApiStyle style, const Refusal& refusal, std::string_view request_id);

// Answers with the error.
void SendError(Exchange& exchange, const Refusal& refusal);
void SendError(Exchange& exchange, int http_status, std::string_view message);

}  // namespace ingot::server

#endif  // INGOT_SERVER_ERRORS_H_
