// /api/pull and /api/push.
#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "core/strings.h"
#include "registry/environment.h"
#include "registry/layer_observer.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "server/errors.h"
#include "server/fields.h"
#include "server/ollama_handlers.h"
#include "server/status_stream.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Result;
using core::StrCat;

struct TransferRequest {
  store::ModelName name;
  bool insecure = false;
  bool stream = true;
};

Result<TransferRequest> Read(const Request& request) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(request.body));
  INGOT_ASSIGN(std::optional<std::string> text, fields.Text("model"));
  INGOT_ASSIGN(const std::optional<std::string> older, fields.Text("name"));
  if (!text || text->empty()) text = older;
  if (!text || text->empty()) return core::InvalidArgument("model is required");
  INGOT_ASSIGN(store::ModelName name, store::ModelName::Parse(*text));
  INGOT_ASSIGN(const std::optional<bool> insecure, fields.Bool("insecure"));
  INGOT_ASSIGN(const std::optional<bool> stream, fields.Bool("stream"));
  // A registry's password is nothing to send to a server.
  INGOT_TRY(fields.Refuse({"username", "password"}));
  INGOT_TRY(fields.Done());
  return TransferRequest{std::move(name), insecure.value_or(false), stream.value_or(true)};
}

registry::HttpOptions HttpFor(const StatusStream& lines) {
  registry::HttpOptions http;
  http.proxies = registry::ProxySettings::From(registry::ProcessEnvironment);
  http.stop = &lines.stop();
  for (const char* variable : {"INGOT_CA_FILE", "SSL_CERT_FILE"}) {
    const auto file = registry::ProcessEnvironment(variable);
    if (http.ca_file.empty() && file) http.ca_file = *file;
  }
  return http;
}

// "pulling 0123456789ab", or pushing, with how much of it is there.
class LayerLines final : public registry::LayerObserver {
 public:
  LayerLines(StatusStream& lines, std::string_view verb) : lines_(lines), verb_(verb) {}
  void OnLayer(const registry::LayerEvent& event) override {
    lines_.Say(Json{{"status", StrCat(verb_, " ", event.layer.digest.Short())},
                    {"digest", event.layer.digest.ToString()},
                    {"total", event.layer.size},
                    {"completed", event.done}});
  }

 private:
  StatusStream& lines_;
  const std::string_view verb_;
};

}  // namespace

void HandlePull(Context& context, const ExchangePtr& exchange) {
  const Result<TransferRequest> request = Read(exchange->request());
  if (!request.ok()) return SendError(*exchange, request.status());
  StatusStream lines(exchange, request->stream);
  LayerLines layers(lines, "pulling");
  registry::PullOptions options;
  options.insecure = request->insecure;
  options.http = HttpFor(lines);
  const auto quiet = core::MakeNullSink();
  lines.SayStatus("pulling manifest");
  const auto report = registry::Pull(context.store, request->name, options, *quiet, &layers);
  if (report.ok()) {
    lines.SayStatus("verifying sha256 digest");
    lines.SayStatus("writing manifest");
  }
  lines.End(report.status());
}

void HandlePush(Context& context, const ExchangePtr& exchange) {
  const Result<TransferRequest> request = Read(exchange->request());
  if (!request.ok()) return SendError(*exchange, request.status());
  const auto stored = context.store.Read(request->name);
  if (!stored.ok()) return SendError(*exchange, stored.status());
  StatusStream lines(exchange, request->stream);
  LayerLines layers(lines, "pushing");
  registry::PushOptions options;
  options.insecure = request->insecure;
  options.http = HttpFor(lines);
  const auto quiet = core::MakeNullSink();
  lines.SayStatus("retrieving manifest");
  const auto report = registry::Push(context.store, request->name, options, *quiet, &layers);
  if (report.ok()) lines.SayStatus("pushing manifest");
  lines.End(report.status());
}

}  // namespace ingot::server
