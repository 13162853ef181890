#include "cli/registry_access.h"

#include <CLI/CLI.hpp>

#include "core/strings.h"
#include "registry/environment.h"

namespace ingot::cli {
namespace {

using core::Json;
using core::StrCat;

// Smaller layers are told of by their number alone.
constexpr uint64_t kWorthALine = uint64_t{32} << 20;

}  // namespace

void AddRegistryOptions(CLI::App& command, RegistryOptions& options) {
  command.add_flag("--insecure", options.insecure, "Over plain HTTP, which anybody can read");
  command
      .add_option("--ca-file", options.ca_file,
                  "Certificates to trust instead of the system's (or INGOT_CA_FILE)")
      ->type_name("FILE");
  command.add_option("--streams", options.streams, "Requests at a time")
      ->check(CLI::Range(1, registry::kMostStreams))
      ->capture_default_str();
}

registry::HttpOptions HttpOptionsFor(const RegistryOptions& options) {
  registry::HttpOptions http;
  http.proxies = registry::ProxySettings::From(registry::ProcessEnvironment);
  http.ca_file = options.ca_file;
  for (const char* variable : {"INGOT_CA_FILE", "SSL_CERT_FILE"}) {
    const auto file = registry::ProcessEnvironment(variable);
    if (http.ca_file.empty() && file) http.ca_file = *file;
  }
  return http;
}

JsonLines::JsonLines(Session& session)
    : session_(session),
      sink_(core::MakeFunctionSink([this](const core::ProgressEvent& event) { Show(event); },
                                   [this](std::string_view line) {
                                     Write({{"message", line}});
                                   })) {}

void JsonLines::OnLayer(const registry::LayerEvent& event) {
  Write({{"layer", event.layer.digest.ToString()},
         {"name", event.layer.name},
         {"done", event.done},
         {"total", event.layer.size},
         {"seconds", event.seconds},
         {"finished", event.finished}});
}

void JsonLines::Write(const Json& json) {
  const std::lock_guard<std::mutex> hold(lock_);
  session_.Print(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  session_.Flush();
}

void JsonLines::Show(const core::ProgressEvent& event) {
  Write({{"step", event.step},
         {"unit", event.unit == core::ProgressUnit::kBytes ? "bytes" : "items"},
         {"done", event.done},
         {"total", event.total},
         {"seconds", event.seconds},
         {"finished", event.finished}});
}

void LargeLayers::OnLayer(const registry::LayerEvent& event) {
  if (!event.finished || event.layer.size < kWorthALine) return;
  const std::string what = event.layer.name.empty() ? event.layer.digest.Short() : event.layer.name;
  sink_.Line(StrCat("  ", what, "  ", core::HumanBytes(event.layer.size), " in ",
                    core::HumanDuration(event.seconds)));
}

}  // namespace ingot::cli
