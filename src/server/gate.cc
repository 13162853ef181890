#include "server/gate.h"

#include <string>

#include "core/log.h"
#include "core/strings.h"
#include "server/errors.h"
#include "server/seconds_text.h"

namespace ingot::server {

using core::StrCat;

namespace {

Reply RefuseWith(const Request& head, const Admission& admission, int status,
                 std::string_view message) {
  return ErrorReply(admission.style, status, message, head.id);
}

}  // namespace

void Gate::CheckCaller(const Request& head, Admission& admission) const {
  admission.caller = keys_.Identify(head.headers);
  const Role role = admission.caller.role;
  if (role == Role::kNone) {
    const bool tried = PresentedKey(head.headers).has_value();
    admission.refusal =
        RefuseWith(head, admission, 401,
                   tried ? "the API key is not known"
                         : "an API key is needed: send \"Authorization: Bearer KEY\"");
  } else if (static_cast<int>(role) < static_cast<int>(admission.route->role)) {
    admission.refusal = RefuseWith(head, admission, 403,
                                   StrCat("the key ", core::Quoted(admission.caller.key, 60),
                                          " may ask models, and not manage them"));
  }
}

Admission Gate::Admit(Request& head, int64_t content_length) {
  (void)content_length;
  Admission admission;
  admission.style = StyleOf(head.path);
  admission.extra_headers.Add("X-Request-Id", head.id);
  if (const core::Status host = guard_.CheckHost(head.headers); !host.ok()) {
    admission.refusal = RefuseWith(head, admission, HttpStatusOf(host), ErrorText(host));
    return admission;
  }
  const core::Result<std::string> origin = guard_.CheckOrigin(head);
  if (!origin.ok()) {
    admission.refusal =
        RefuseWith(head, admission, HttpStatusOf(origin.status()), ErrorText(origin.status()));
    return admission;
  }
  if (head.method == Method::kOptions) {
    admission.reply = PreflightReply(*origin, head);
    return admission;
  }
  AddCorsHeaders(*origin, admission.extra_headers);
  if (context_.draining) {
    admission.refusal = ErrorReply(admission.style, Ending(context_), head.id);
    return admission;
  }
  RouteMatch match = router_.Find(head.method, head.path);
  if (match.route == nullptr) {
    // Who may not come in learns nothing of what is there.
    admission.caller = keys_.Identify(head.headers);
    if (admission.caller.role == Role::kNone) {
      admission.refusal = RefuseWith(head, admission, 401, "an API key is needed");
    } else if (match.allowed.empty()) {
      admission.refusal = RefuseWith(
          head, admission, 404, StrCat("there is nothing at ", core::Printable(head.path, 200)));
    } else {
      admission.refusal =
          RefuseWith(head, admission, 405, StrCat("the method here is ", match.allowed));
      admission.refusal->headers.Add("Allow", match.allowed);
    }
    return admission;
  }
  admission.route = match.route;
  head.parts = std::move(match.parts);
  admission.body_limit = match.route->body;
  admission.streams_body = match.route->sink != nullptr;
  if (match.route->role == Role::kNone) {
    admission.caller = keys_.Identify(head.headers);
  } else {
    CheckCaller(head, admission);
  }
  return admission;
}

void Gate::Handle(const Admission& admission, const ExchangePtr& exchange) {
  admission.route->handler(context_, exchange);
}

core::Result<std::unique_ptr<BodySink>> Gate::MakeSink(const Admission& admission,
                                                       const Request& head,
                                                       int64_t content_length) {
  return admission.route->sink(context_, head, content_length);
}

void Gate::Finished(const Request& request, const Caller& caller, int status, uint64_t bytes,
                    double seconds) {
  const RouteMatch match = router_.Find(request.method, request.path);
  context_.metrics.CountRequest(match.route == nullptr ? "other" : match.route->pattern, status,
                                seconds);
  if (!core::LogEnabled(core::LogLevel::kInfo)) return;
  core::LogInfo("request", {{"method", std::string(MethodName(request.method))},
                            {"path", core::Printable(request.path, 200)},
                            {"status", StrCat(status)},
                            {"bytes", StrCat(bytes)},
                            {"seconds", SecondsText(seconds)},
                            {"peer", request.peer},
                            {"key", caller.key},
                            {"id", request.id}});
}

}  // namespace ingot::server
