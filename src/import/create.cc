#include "import/create.h"

#include <algorithm>

#include "core/clock.h"
#include "core/strings.h"
#include "import/create_layers.h"
#include "import/journal.h"
#include "store/locks.h"

namespace ingot::import {
namespace {

using core::Path;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;
using store::Layer;

constexpr std::string_view kDraftPrefix = "draft.";

// Relative to the Modelfile where that is a model, else as it is written.
std::optional<Path> FindFolder(core::Env& env, const Path& base, std::string_view text) {
  const Path given(text);
  const Path beside = base / given;
  if (IsModelFolder(env, beside)) return beside;
  if (IsModelFolder(env, given)) return given;
  return std::nullopt;
}

Result<SourcePlan> PlanSource(core::Env& env, const Path& folder, const Recipe& recipe) {
  INGOT_ASSIGN(Inventory inventory, ReadInventory(env, folder));
  INGOT_ASSIGN(ModelFiles files, FindModelFiles(env, inventory, recipe.draft));
  INGOT_ASSIGN(Plan plan, MakePlan(std::move(inventory), recipe));
  return SourcePlan{std::move(plan), std::move(files)};
}

// That FROM names nothing to import; where it names a folder, what that lacks.
Status NoSource(core::Env& env, const CreateRequest& request) {
  const std::string& from = request.modelfile.from;
  Status status =
      core::NotFound(StrCat("FROM ", Quoted(from),
                            " is neither a folder of weights (with a config.json and *.safetensors)"
                            " nor a model in the store"));
  for (const Path& folder : {request.base / Path(from), Path(from)}) {
    if (const auto lacks = WhatFolderLacks(env, folder)) {
      return std::move(status).WithHint(
          StrCat("the folder ", core::Printable(folder.native(), 1000), " has no ", *lacks));
    }
  }
  return status;
}

// The model in the store that FROM names.
Result<std::shared_ptr<store::ModelLease>> FindBase(const store::Store& store,
                                                    const CreateRequest& request) {
  const Status no_source =
      request.from_store
          ? core::NotFound(StrCat("there is no model ", Quoted(request.modelfile.from)))
          : NoSource(store.env(), request);
  const auto name = store::ModelName::Parse(request.modelfile.from);
  if (!name.ok()) return no_source;
  auto lease = store::ModelLease::Take(store, *name);
  if (!lease.ok()) {
    if (lease.status().code() != core::Code::kNotFound) return lease.status();
    return Status(no_source).WithHint(lease.status().hint());
  }
  INGOT_ASSIGN(const store::ModelConfig config, store.ReadConfig(lease->model().manifest()));
  if (config.model_format != "safetensors") {
    return core::Unsupported(
        StrCat(name->Short(), " is kept as ",
               config.model_format.empty() ? "another format" : Quoted(config.model_format, 40),
               ", which cannot be built on"));
  }
  if (lease->model().manifest().Find(store::kJsonMediaType, kConfigName) == nullptr) {
    return core::Corrupt(StrCat(name->Short(), " has no config.json, and cannot be built on"));
  }
  if (request.recipe.requested != family::Precision::kSource || request.recipe.to_bfloat16) {
    return core::InvalidArgument(
               StrCat(name->Short(),
                      " lies in the store already, and its weights are kept as they "
                      "are"))
        .WithHint("to have another type, import the folder of its weights again");
  }
  return std::make_shared<store::ModelLease>(*std::move(lease));
}

Result<SourcePlan> PlanDraft(core::Env& env, const CreateRequest& request) {
  const std::string& text = *request.modelfile.draft;
  const auto folder = FindFolder(env, request.base, text);
  if (!folder) {
    return core::InvalidArgument(StrCat("DRAFT ", Quoted(text),
                                        " is no folder of weights (with a config.json and "
                                        "*.safetensors); models of the store cannot be drafts"));
  }
  Recipe recipe = request.recipe;
  recipe.requested = request.draft_requested.value_or(family::Precision::kSource);
  recipe.draft = true;
  recipe.prefix = kDraftPrefix;
  INGOT_ASSIGN(SourcePlan draft, PlanSource(env, *folder, recipe).Context("the draft model"));
  return draft;
}

void CollectWarnings(const SourcePlan& source, std::string_view whose,
                     std::vector<std::string>& warnings) {
  for (const auto* list : {&source.plan.warnings, &source.files.warnings}) {
    for (const std::string& warning : *list) warnings.push_back(StrCat(whose, warning));
  }
}

}  // namespace

Result<CreatePlan> PlanCreate(const store::Store& store, CreateRequest request) {
  if (request.draft_requested && !request.modelfile.draft) {
    return core::InvalidArgument("a type for the draft model makes no sense without DRAFT");
  }
  CreatePlan plan{.name = request.name,
                  .modelfile = {},
                  .model = {},
                  .base = nullptr,
                  .draft = {},
                  .warnings = {}};
  core::Env& env = store.env();
  if (request.from_store && request.modelfile.draft) {
    return core::Unsupported("DRAFT cannot be given from afar");
  }
  const auto folder =
      request.from_store ? std::nullopt : FindFolder(env, request.base, request.modelfile.from);
  if (folder) {
    INGOT_ASSIGN(plan.model, PlanSource(env, *folder, request.recipe));
    CollectWarnings(*plan.model, "", plan.warnings);
  } else {
    INGOT_ASSIGN(plan.base, FindBase(store, request));
  }
  if (request.modelfile.draft) {
    INGOT_ASSIGN(plan.draft, PlanDraft(env, request));
    CollectWarnings(*plan.draft, "the draft model: ", plan.warnings);
  }
  plan.modelfile = std::move(request.modelfile);
  return plan;
}

Result<CreateOutcome> ExecuteCreate(const store::Store& store, const CreatePlan& plan,
                                    const WriteOptions& options) {
  const int64_t begin = store.clock().MonotonicNs();
  if (options.strict) {
    for (const auto* source : {&plan.model, &plan.draft}) {
      if (!*source || (*source)->plan.warnings.empty()) continue;
      return core::Corrupt((*source)->plan.warnings[0])
          .WithHint("without --strict this is only a warning");
    }
  }
  core::Env& env = store.env();
  ImportJournal::Sweep(env, store.layout(), store.clock().WallNs());
  INGOT_ASSIGN(const auto name_lock,
               store::LockName(env, store.layout(), plan.name, /*wait=*/true));
  INGOT_ASSIGN(const auto session, store::WriteSession::Begin(store));
  WrittenBlobs model_blobs;
  WrittenBlobs draft_blobs;
  std::vector<Layer> layers = InheritedLayers(plan);
  const std::vector<Layer> base =
      plan.base == nullptr ? std::vector<Layer>() : plan.base->model().manifest().layers;
  for (const Layer& layer : layers) {  // spared by whoever removes the base meanwhile
    INGOT_ASSIGN(const bool there, session->Reuse(layer.digest, layer.size, store::Trust::kSize));
    if (!there) {
      return core::Corrupt(StrCat("the blob of layer ", Quoted(layer.name), " of ",
                                  plan.base->model().name.Short(), " is missing"))
          .WithHint("`ingot repair` says what can be done");
    }
  }
  const auto add = [&](std::vector<Layer> more) {
    std::ranges::move(more, std::back_inserter(layers));
  };
  if (plan.model) {
    INGOT_ASSIGN(model_blobs, WriteBlobs(plan.model->plan, *session, options));
    add(model_blobs.layers);
    INGOT_ASSIGN(auto files, WriteFiles(env, *plan.model, "", *session));
    add(std::move(files));
  }
  if (plan.draft) {
    WriteOptions draft_options = options;
    draft_options.step = "importing the draft model";
    INGOT_ASSIGN(draft_blobs, WriteBlobs(plan.draft->plan, *session, draft_options));
    add(draft_blobs.layers);
    INGOT_ASSIGN(auto files, WriteFiles(env, *plan.draft, "draft/", *session));
    add(std::move(files));
  }
  INGOT_ASSIGN(auto texts, WriteTexts(env, plan, base, *session));
  add(std::move(texts));
  INGOT_ASSIGN(const store::ModelConfig config, MakeModelConfig(store, plan));
  INGOT_ASSIGN(const store::BlobInfo config_blob,
               session->PutBlob(store::EncodeModelConfig(config)));
  store::Manifest manifest{.media_type = std::string(store::kManifestMediaType),
                           .config = {.media_type = std::string(store::kConfigMediaType),
                                      .digest = config_blob.digest,
                                      .size = config_blob.size,
                                      .from = "",
                                      .name = ""},
                           .layers = std::move(layers)};
  INGOT_ASSIGN(store::StoredModel model, session->Commit(plan.name, manifest));
  CreateOutcome outcome{.model = std::move(model),
                        .model_blobs = std::move(model_blobs),
                        .draft_blobs = std::move(draft_blobs),
                        .warnings = plan.warnings,
                        .seconds = 0};
  for (const WrittenBlobs* blobs : {&outcome.model_blobs, &outcome.draft_blobs}) {
    for (const WeightReport& report : blobs->reports) {
      std::ranges::move(Complaints(report), std::back_inserter(outcome.warnings));
    }
  }
  outcome.seconds = static_cast<double>(store.clock().MonotonicNs() - begin) / 1e9;
  return outcome;
}

}  // namespace ingot::import
