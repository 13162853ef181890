// `ingot create`: imports a folder of weights, or builds on a model that is there.
#include "import/create.h"

#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "import/plan_text.h"
#include "import/report.h"
#include "import/totals.h"

namespace ingot::cli {
namespace {

using core::Json;
using core::Path;
using core::Result;
using core::Status;
using core::StrCat;

struct CreateOptions {
  std::string name;
  std::string file;
  std::string type;
  std::string draft_type;
  std::string dtype;
  std::string effort;
  bool allow_requantize = false;
  bool strict = false;
  bool dry_run = false;
  bool report = false;
  bool json = false;
  bool experimental = false;  // the original's switch for what is the only way here
};

// What to make the model from, and what its paths are relative to.
struct Source {
  import::Modelfile modelfile;
  Path base;
};

Result<Source> ReadModelfile(core::Env& env, const Path& path) {
  INGOT_ASSIGN(const std::string text, core::ReadSmallFile(env, path, import::kMaxModelfileBytes));
  Source source;
  INGOT_ASSIGN(source.modelfile, import::ParseModelfile(text).Context(Shown(path)));
  source.base = path.parent_path();
  return source;
}

// A folder stands for itself; a file is a Modelfile; without either, a Modelfile or the weights of
// the current folder.
Result<Source> FindSource(core::Env& env, const CreateOptions& options) {
  const auto folder = [](const std::string& path) {
    Source source;
    source.modelfile.from = path;
    return source;
  };
  if (options.file.empty()) {
    const Path here(import::kModelfileName);
    if (env.Stat(here).ok()) return ReadModelfile(env, here);
    return folder(".");
  }
  INGOT_ASSIGN(const core::FileInfo info, env.Stat(options.file));
  if (info.kind == core::FileKind::kDirectory) return folder(options.file);
  return ReadModelfile(env, options.file);
}

Result<import::CreateRequest> MakeRequest(core::Env& env, const CreateOptions& options) {
  INGOT_ASSIGN(store::ModelName name, store::ModelName::Parse(options.name));
  INGOT_ASSIGN(Source source, FindSource(env, options));
  import::CreateRequest request{.name = std::move(name),
                                .modelfile = std::move(source.modelfile),
                                .base = std::move(source.base),
                                .recipe = {},
                                .draft_requested = {}};
  INGOT_ASSIGN(request.recipe.requested,
               import::ParseRequestedType(options.type).Context("--quantize"));
  if (!options.draft_type.empty()) {
    if (!request.modelfile.draft) {
      return core::InvalidArgument("--draft-quantize makes no sense without DRAFT in a Modelfile");
    }
    INGOT_ASSIGN(request.draft_requested,
                 import::ParseRequestedType(options.draft_type).Context("--draft-quantize"));
  }
  request.recipe.to_bfloat16 = !options.dtype.empty();
  request.recipe.high_effort = options.effort == "high";
  request.recipe.allow_requantize = options.allow_requantize;
  return request;
}

// --- what is printed --------------------------------------------------------------------------

int Threads() { return core::ThreadPool::Shared().threads(); }

void PrintWarnings(Session& session, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    session.Note(StrCat("Warning: ", core::Printable(warning, 2000), "\n"));
  }
}

Exit PrintPlan(Session& session, const CreateOptions& options, const import::CreatePlan& plan) {
  if (options.json) {
    Json json = {{"name", plan.name.Short()}, {"model", nullptr}, {"draft", nullptr}};
    if (plan.model) json["model"] = PlanJson(plan.model->plan, Threads());
    if (plan.base != nullptr) json["base"] = plan.base->model().name.Short();
    if (plan.draft) json["draft"] = PlanJson(plan.draft->plan, Threads());
    json["warnings"] = plan.warnings;
    session.PrintJson(json);
    return Exit::kOk;
  }
  if (plan.model) session.Print(PlanTable(plan.model->plan, Threads()));
  if (plan.base != nullptr) {
    session.Print(
        StrCat("The weights of ", plan.base->model().name.Short(), " stay as they are.\n"));
  }
  if (plan.draft) {
    session.Print("\nThe draft model:\n\n");
    session.Print(PlanTable(plan.draft->plan, Threads()));
  }
  PrintWarnings(session, plan.warnings);
  return Exit::kOk;
}

uint64_t SourceBytes(const import::CreatePlan& plan) {
  return (plan.model ? plan.model->plan.source_bytes : 0) +
         (plan.draft ? plan.draft->plan.source_bytes : 0);
}

Json TotalsJson(const import::Plan& plan) {
  Json types = Json::object();
  for (const import::TypeTotal& total : TotalsByType(plan)) {
    types[total.type] = {
        {"tensors", total.tensors}, {"parameters", total.elements}, {"bytes", total.bytes}};
  }
  return {{"types", std::move(types)},
          {"parameters", plan.elements},
          {"bits_per_weight", BitsPerWeight(plan)}};
}

Json OutcomeJson(const import::CreatePlan& plan, const import::CreateOutcome& outcome) {
  const uint64_t resumed = outcome.model_blobs.resumed + outcome.draft_blobs.resumed;
  const uint64_t reused = outcome.model_blobs.reused + outcome.draft_blobs.reused;
  Json json = {
      {"name", outcome.model.name.Short()},
      {"id", outcome.model.raw.id.Hex()},
      {"layers", outcome.model.manifest().layers.size()},
      {"size", outcome.model.manifest().TotalSize()},
      {"source_bytes", SourceBytes(plan)},
      {"written_bytes", outcome.model_blobs.written_bytes + outcome.draft_blobs.written_bytes},
      {"blobs_resumed", resumed},
      {"blobs_reused", reused},
      {"seconds", outcome.seconds},
      {"warnings", outcome.warnings}};
  if (plan.model) {
    json["file_type"] = plan.model->plan.file_type;
    json["totals"] = TotalsJson(plan.model->plan);
  }
  return json;
}

std::string Decimals(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

void PrintSummary(Session& session, const import::CreatePlan& plan,
                  const import::CreateOutcome& outcome) {
  if (plan.model) {
    for (const import::TypeTotal& total : TotalsByType(plan.model->plan)) {
      session.Print(StrCat("  ", total.type, ": ", Counted(total.tensors, "tensor"), ", ",
                           core::HumanCount(total.elements), " parameters, ",
                           core::HumanBytes(total.bytes), "\n"));
    }
  }
  const uint64_t resumed = outcome.model_blobs.resumed + outcome.draft_blobs.resumed;
  if (resumed > 0) session.Print(StrCat("  ", Counted(resumed, "blob"), " were done before\n"));
  const double rate = outcome.seconds > 0 ? SourceBytes(plan) / outcome.seconds / 1e9 : 0;
  session.Print(StrCat(
      "Created '", outcome.model.name.Short(),
      "': ", core::HumanBytes(outcome.model.manifest().TotalSize()),
      plan.model ? StrCat(", ", Decimals(BitsPerWeight(plan.model->plan), 2), " bits per weight")
                 : std::string(),
      ", in ", core::HumanDuration(outcome.seconds), " (", Decimals(rate, 2), " GB/s)\n"));
}

// --- the report -------------------------------------------------------------------------------

// "qwen3-4b" of "me/qwen3:4b": the reports' name in the current folder.
std::string ReportName(const store::ModelName& name) {
  return StrCat(name.model(), "-", name.tag(), ".report");
}

Status WriteReport(Session& session, const import::CreateOutcome& outcome,
                   std::vector<std::string>& warnings) {
  std::vector<import::WeightReport> reports = outcome.model_blobs.reports;
  reports.insert(reports.end(), outcome.draft_blobs.reports.begin(),
                 outcome.draft_blobs.reports.end());
  const std::string name = ReportName(outcome.model.name);
  const std::vector<std::string> remarks = UnusualErrors(reports);
  const Json json = {
      {"model", outcome.model.name.Short()}, {"tensors", ErrorJson(reports)}, {"unusual", remarks}};
  std::string table = ErrorTable(reports);
  for (const std::string& remark : remarks) table += remark + "\n";
  INGOT_TRY(core::WriteFileAtomic(session.env(), name + ".json",
                                  json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"));
  INGOT_TRY(core::WriteFileAtomic(session.env(), name + ".txt", table));
  session.Note(
      StrCat("What was lost: ", Shown(name + ".txt"), " and ", Shown(name + ".json"), "\n"));
  warnings.insert(warnings.end(), remarks.begin(), remarks.end());
  return Status::Ok();
}

Result<Exit> Create(Session& session, const CreateOptions& options) {
  INGOT_ASSIGN(import::CreateRequest request, MakeRequest(session.env(), options));
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  INGOT_ASSIGN(const import::CreatePlan plan, PlanCreate(store, std::move(request)));
  if (options.dry_run) return PrintPlan(session, options, plan);
  const import::WriteOptions write{.strict = options.strict,
                                   .measure = options.report,
                                   .pool = nullptr,
                                   .progress = &session.progress(),
                                   .cancelled = [] { return core::Interrupted(); }};
  INGOT_ASSIGN(import::CreateOutcome outcome, ExecuteCreate(store, plan, write));
  if (options.report) INGOT_TRY(WriteReport(session, outcome, outcome.warnings));
  if (options.json) {
    session.PrintJson(OutcomeJson(plan, outcome));
  } else {
    PrintWarnings(session, outcome.warnings);
    PrintSummary(session, plan, outcome);
  }
  return Exit::kOk;
}

Exit RunCreate(Session& session, const CreateOptions& options) {
  if (options.experimental) {
    session.Note("--experimental changes nothing: safetensors are always imported like this\n");
  }
  const Result<Exit> exit = Create(session, options);
  return exit.ok() ? *exit : session.Finish(exit.status());
}

}  // namespace

void AddCreateCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "create", "Import weights, or build on a model, into the store", kStoreGroup,
                 "  ingot create qwen3:4b -f ./Qwen3-4B -q int4\n"
                 "  ingot create mine -f Modelfile\n"
                 "  ingot create qwen3:4b -f ./Qwen3-4B -q nvfp4 --dry-run");
  const auto options = std::make_shared<CreateOptions>();
  command.add_option("model", options->name, "The name of the new model")->required();
  command
      .add_option("-f,--file", options->file,
                  "A folder of weights, or a Modelfile; by default ./Modelfile, else this folder")
      ->type_name("PATH");
  command
      .add_option("-q,--quantize", options->type,
                  StrCat("Store weights as ", quant::ImportableTypeNames()))
      ->type_name("TYPE");
  command.add_option("--draft-quantize", options->draft_type, "The same for the draft model")
      ->type_name("TYPE");
  command
      .add_option("--dtype", options->dtype,
                  "bfloat16: floats that are not quantized are stored as it")
      ->check(CLI::IsMember({"bfloat16"}))
      ->type_name("TYPE");
  command
      .add_option("--quantize-effort", options->effort,
                  "high: search for the scales that lose least")
      ->check(CLI::IsMember({"high"}))
      ->type_name("EFFORT");
  command.add_flag("--allow-requantize", options->allow_requantize,
                   "Decode weights that are quantized already, and quantize them again");
  command.add_flag("--strict", options->strict, "Refuse what is otherwise warned of");
  command.add_flag("--dry-run", options->dry_run, "Print what would be done, and do nothing");
  command.add_flag("--report", options->report,
                   "Measure what quantizing loses, and write it to <model>-<tag>.report.*");
  command.add_flag("--json", options->json, "Print JSON");
  command.add_flag("--experimental", options->experimental)->group("");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return RunCreate(s, *options); };
  });
}

}  // namespace ingot::cli
