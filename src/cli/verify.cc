// `ingot verify`: says what in the store is not what it claims to be.
#include "store/verify.h"

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "cli/table.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

struct VerifyCommandOptions {
  std::string name;
  bool json = false;
};

core::Json ToJson(const store::BlobFinding& finding) {
  return {{"digest", finding.digest.ToString()},
          {"fault", store::FaultName(finding.fault)},
          {"detail", finding.detail},
          {"layer", finding.layer},
          {"size", finding.size},
          {"models", ShortNamesJson(finding.models)}};
}

core::Json ToJson(const store::VerifyReport& report) {
  core::Json findings = core::Json::array();
  for (const auto& finding : report.findings) findings.push_back(ToJson(finding));
  core::Json unreadable = core::Json::array();
  for (const auto& manifest : report.unreadable) {
    unreadable.push_back({{"name", manifest.name->Short()},
                          {"path", manifest.path.native()},
                          {"error", manifest.error.message()}});
  }
  core::Json unreferenced = core::Json::array();
  for (const auto& stray : report.unreferenced) {
    unreferenced.push_back({{"digest", stray.digest.ToString()}, {"size", stray.size}});
  }
  core::Json strangers = core::Json::array();
  for (const auto& path : report.strangers) strangers.push_back(path.native());
  return {{"clean", report.Clean()},
          {"models", report.models},
          {"blobs", report.blobs},
          {"bytes", report.bytes},
          {"seconds", report.seconds},
          {"findings", std::move(findings)},
          {"unreadable", std::move(unreadable)},
          {"unreferenced", std::move(unreferenced)},
          {"partials", report.partials},
          {"strangers", std::move(strangers)}};
}

void TellFinding(Session& session, const store::BlobFinding& finding) {
  const std::string who =
      finding.models.empty() ? "no model needs it" : "needed by " + ShortNames(finding.models);
  const std::string what = finding.layer.empty() ? "" : core::Printable(finding.layer, 300) + ", ";
  session.Print(core::StrCat("  ", store::FaultName(finding.fault), "  ", finding.digest.FileName(),
                             "\n    ", what, who, "\n    ", core::Printable(finding.detail, 2000),
                             "\n"));
}

void Tell(Session& session, const store::VerifyReport& report) {
  const double rate = report.seconds > 0 ? static_cast<double>(report.bytes) / report.seconds : 0;
  session.Print(core::StrCat("Checked ", Counted(report.models, "model"), ", ",
                             Counted(report.blobs, "blob"), ", ", core::HumanBytes(report.bytes),
                             " in ", core::HumanDuration(report.seconds), " (",
                             core::HumanBytes(static_cast<uint64_t>(rate)), "/s).\n"));
  for (const auto& manifest : report.unreadable) {
    session.Print(core::StrCat("  unreadable manifest  ", manifest.name->Short(), "\n    ",
                               core::Printable(manifest.error.message(), 2000), "\n"));
  }
  for (const auto& finding : report.findings) TellFinding(session, finding);
  if (!report.unreferenced.empty()) {
    uint64_t bytes = 0;
    for (const auto& stray : report.unreferenced) bytes += stray.size;
    session.Print(core::StrCat(Counted(report.unreferenced.size(), "sound blob"), ", ",
                               core::HumanBytes(bytes),
                               ", that no model needs: `ingot gc` frees them.\n"));
  }
  if (report.partials > 0) {
    session.Print(Counted(report.partials, "unfinished download") + " of another program.\n");
  }
  for (const core::Path& path : report.strangers) {
    session.Print(core::StrCat("Not a blob by its name: ", Shown(path), "\n"));
  }
  session.Print(report.Clean() ? "No damage found.\n" : "");
}

core::Result<store::VerifyReport> Verify(Session& session, const VerifyCommandOptions& options) {
  store::VerifyOptions what;
  if (!options.name.empty()) {
    INGOT_ASSIGN(what.model, store::ModelName::Parse(options.name));
  }
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  return store::VerifyStore(store, what, session.progress());
}

Exit RunVerify(Session& session, const VerifyCommandOptions& options) {
  const core::Result<store::VerifyReport> report = Verify(session, options);
  if (!report.ok()) return session.Finish(report.status());
  if (options.json) {
    session.PrintJson(ToJson(*report));
  } else {
    Tell(session, *report);
  }
  if (report->Clean()) return Exit::kOk;
  const uint64_t faults = report->findings.size() + report->unreadable.size();
  return session.Finish(
      core::Corrupt(Counted(faults, "file") + " cannot be trusted")
          .WithHint("`ingot repair` sets aside what is damaged and says what to pull or create "
                    "again."));
}

}  // namespace

void AddVerifyCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "verify", "Re-hash every blob and check what is missing, truncated or altered",
      kStoreGroup, "  ingot verify\n  ingot verify qwen3:4b\n  ingot verify --json");
  const auto options = std::make_shared<VerifyCommandOptions>();
  command.add_option("model", options->name, "Only this model; the whole store otherwise");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return RunVerify(s, *options); };
  });
}

}  // namespace ingot::cli
