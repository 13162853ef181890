#include "registry/push.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "registry/client.h"
#include "registry/plan.h"
#include "registry/uploader.h"
#include "store/lease.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::Result;
using core::Status;
using core::StrCat;

Status WithPushHint(Status status, const store::ModelName& name) {
  if (status.code() != Code::kPermission) return status;
  return std::move(status).WithHint(
      StrCat("Pushing to ", name.host(),
             " may need a login: INGOT_REGISTRY_TOKEN, netrc or docker's config.json, or a key "
             "that it knows. `ingot cp` gives a model a name of your own there."));
}

// Before anybody is asked: blobs that are not here cannot be sent.
Status CheckBlobs(const store::Store& store, const std::vector<store::Layer>& blobs) {
  for (const store::Layer& layer : blobs) {
    const std::string what =
        layer.name.empty() ? layer.digest.ToString() : core::Quoted(layer.name, 200);
    const auto file = store.OpenBlob(layer);
    if (!file.ok()) return file.status().Context(StrCat("the blob of layer ", what));
  }
  return Status::Ok();
}

// Other models here that come from, or went to, the same registry: it may have their blobs there.
Result<MountSources> FindMountSources(const store::Store& store, const store::ModelName& name) {
  MountSources sources;
  INGOT_ASSIGN(const store::ManifestScan scan, store.Scan());
  for (const store::StoredModel& model : scan.models) {
    const bool same_repository =
        model.name.name_space() == name.name_space() && model.name.model() == name.model();
    if (same_repository || !core::EqualsIgnoreCase(model.name.host(), name.host())) continue;
    model.manifest().ForEachBlob([&](const store::Layer& layer) {
      sources.emplace(layer.digest, StrCat(model.name.name_space(), "/", model.name.model()));
    });
  }
  return sources;
}

}  // namespace

Result<PushReport> Push(const store::Store& store, const store::ModelName& name,
                        const PushOptions& options, core::ProgressSink& progress,
                        LayerObserver* observer) {
  INGOT_ASSIGN(const Url base, RegistryClient::BaseOf(name, options.insecure));
  INGOT_ASSIGN(Credentials credentials, FindCredentials(store.env(), options.environment, base));
  INGOT_ASSIGN(const store::ModelLease lease, store::ModelLease::Take(store, name));
  const store::StoredModel& model = lease.model();
  INGOT_ASSIGN(std::vector<store::Layer> blobs, BlobsOf(model.manifest()));
  INGOT_TRY(CheckBlobs(store, blobs));
  // The longest first: they take the longest, and several go at once.
  std::stable_sort(blobs.begin(), blobs.end(),
                   [](const auto& a, const auto& b) { return a.size > b.size; });

  RegistryClient client(base, std::move(credentials), options.insecure, *options.http.clock);
  Uploader uploader(store, client, model.name, options, observer);
  const std::string context = StrCat("pushing ", model.name.Short());
  const auto explain = [&](Status status) {
    if (status.ok() || status.code() == Code::kCancelled) return status;
    return WithPushHint(std::move(status).Context(context), model.name);
  };
  std::vector<store::Layer> missing;
  INGOT_TRY(explain(uploader.FindMissing(blobs, missing)));
  INGOT_ASSIGN(const MountSources mounts, FindMountSources(store, model.name));
  {
    core::Progress bytes(progress, context, core::ProgressUnit::kBytes, 0);
    const Status sent = uploader.Send(missing, mounts, bytes);
    bytes.Finish();
    INGOT_TRY(explain(sent));
  }
  INGOT_TRY(explain(uploader.SendManifest(model.raw)));
  PushReport report{.model = model};
  uploader.Count(report);
  return report;
}

}  // namespace ingot::registry
