// `ingot pull`: a model from a registry into the store.
#include "registry/pull.h"

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

using core::Json;
using core::Status;
using core::StrCat;

// Smaller layers are told of by their number alone.
constexpr uint64_t kWorthALine = uint64_t{32} << 20;

struct PullCommandOptions {
  std::string name;
  std::string ca_file;
  int streams = registry::PullOptions{}.streams;
  bool insecure = false;
  bool json = false;
};

// One JSON object a line, from whichever thread has something to say.
class JsonLines : public registry::PullObserver {
 public:
  explicit JsonLines(Session& session)
      : session_(session),
        sink_(core::MakeFunctionSink([this](const core::ProgressEvent& event) { Show(event); },
                                     [this](std::string_view line) {
                                       Write({{"message", line}});
                                     })) {}

  core::ProgressSink& sink() { return *sink_; }
  void OnLayer(const registry::LayerEvent& event) override {
    Write({{"layer", event.layer.digest.ToString()},
           {"name", event.layer.name},
           {"done", event.done},
           {"total", event.layer.size},
           {"seconds", event.seconds},
           {"finished", event.finished}});
  }
  void Write(const Json& json) {
    const std::lock_guard<std::mutex> hold(lock_);
    session_.Print(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    session_.Flush();
  }

 private:
  void Show(const core::ProgressEvent& event) {
    Write({{"step", event.step},
           {"unit", event.unit == core::ProgressUnit::kBytes ? "bytes" : "items"},
           {"done", event.done},
           {"total", event.total},
           {"seconds", event.seconds},
           {"finished", event.finished}});
  }

  Session& session_;
  std::mutex lock_;
  std::unique_ptr<core::ProgressSink> sink_;
};

// A line for each large layer that has come, above the bar of the whole.
class LargeLayers : public registry::PullObserver {
 public:
  explicit LargeLayers(core::ProgressSink& sink) : sink_(sink) {}

  void OnLayer(const registry::LayerEvent& event) override {
    if (!event.finished || event.layer.size < kWorthALine) return;
    const std::string what =
        event.layer.name.empty() ? event.layer.digest.Short() : event.layer.name;
    sink_.Line(StrCat("  ", what, "  ", core::HumanBytes(event.layer.size), " in ",
                      core::HumanDuration(event.seconds)));
  }

 private:
  core::ProgressSink& sink_;
};

Json ToJson(const registry::PullReport& report) {
  return {{"model", report.model.name.Short()},    {"id", report.model.raw.id.ToString()},
          {"unchanged", report.unchanged},         {"blobs_fetched", report.blobs_fetched},
          {"blobs_present", report.blobs_present}, {"bytes_fetched", report.bytes_fetched},
          {"bytes_resumed", report.bytes_resumed}, {"bytes_present", report.bytes_present}};
}

void Tell(Session& session, const registry::PullReport& report) {
  const std::string name = report.model.name.Short();
  if (report.unchanged) {
    session.Print(StrCat(name, " is up to date (", report.model.raw.id.Short(), ").\n"));
    return;
  }
  session.Print(StrCat("Pulled ", name, " (", report.model.raw.id.Short(),
                       "): ", Counted(report.blobs_fetched, "blob"), ", ",
                       core::HumanBytes(report.bytes_fetched)));
  if (report.bytes_resumed > 0) {
    session.Print(StrCat("; ", core::HumanBytes(report.bytes_resumed), " from an earlier pull"));
  }
  if (report.blobs_present > 0) {
    session.Print(StrCat("; ", Counted(report.blobs_present, "blob"), ", ",
                         core::HumanBytes(report.bytes_present), ", were here"));
  }
  session.Print(".\n");
}

registry::PullOptions MakeOptions(const PullCommandOptions& options) {
  registry::PullOptions pull;
  pull.insecure = options.insecure;
  pull.streams = options.streams;
  pull.http.proxies = registry::ProxySettings::From(registry::ProcessEnvironment);
  pull.http.ca_file = options.ca_file;
  for (const char* variable : {"INGOT_CA_FILE", "SSL_CERT_FILE"}) {
    const auto file = registry::ProcessEnvironment(variable);
    if (pull.http.ca_file.empty() && file) pull.http.ca_file = *file;
  }
  return pull;
}

Status Pull(Session& session, const PullCommandOptions& options) {
  INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(options.name));
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  const registry::PullOptions pull = MakeOptions(options);
  if (options.json) {
    JsonLines lines(session);
    INGOT_ASSIGN(const registry::PullReport report,
                 registry::Pull(store, name, pull, lines.sink(), &lines));
    lines.Write(ToJson(report));
    return Status::Ok();
  }
  LargeLayers layers(session.progress());
  INGOT_ASSIGN(const registry::PullReport report,
               registry::Pull(store, name, pull, session.progress(), &layers));
  Tell(session, report);
  return Status::Ok();
}

}  // namespace

void AddPullCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "pull", "Fetch a model from a registry; what is interrupted goes on", kStoreGroup,
      "  ingot pull qwen3:4b\n"
      "  ingot pull registry.example.com/team/model:tag\n"
      "  ingot pull --insecure localhost:5000/team/model");
  const auto options = std::make_shared<PullCommandOptions>();
  command.add_option("model", options->name, "[HOST/][NAMESPACE/]MODEL[:TAG]")->required();
  command.add_flag("--insecure", options->insecure, "Over plain HTTP, which anybody can read");
  command
      .add_option("--ca-file", options->ca_file,
                  "Certificates to trust instead of the system's (or INGOT_CA_FILE)")
      ->type_name("FILE");
  command.add_option("--streams", options->streams, "Requests at a time")
      ->check(CLI::Range(1, registry::kMostStreams))
      ->capture_default_str();
  command.add_flag("--json", options->json, "Print JSON, one object a line as it goes");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Pull(s, *options)); };
  });
}

}  // namespace ingot::cli
