#include "registry/pull.h"

#include <algorithm>
#include <mutex>
#include <random>
#include <unordered_set>
#include <utility>

#include "core/interrupt.h"
#include "core/log.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "registry/client.h"
#include "registry/downloader.h"
#include "registry/plan.h"
#include "registry/pull_marker.h"
#include "registry/pull_steps.h"
#include "store/locks.h"
#include "store/session.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::Result;
using core::Status;
using core::StrCat;

Status WithManifestHint(Status status, const store::ModelName& name) {
  if (status.code() == Code::kNotFound) {
    return std::move(status).WithHint(
        "Names look like MODEL, MODEL:TAG, NAMESPACE/MODEL:TAG or HOST/NAMESPACE/MODEL:TAG; "
        "`ingot list` shows what is here.");
  }
  if (status.code() == Code::kPermission) {
    return std::move(status).WithHint(StrCat(
        "Is there such a model? If it is not public, INGOT_REGISTRY_TOKEN, netrc or docker's "
        "config.json may hold what ",
        name.host(), " wants."));
  }
  return status;
}

Result<store::RawManifest> FetchManifest(RegistryClient& client, const store::ModelName& name,
                                         const PullOptions& options) {
  HttpClient http(options.http);
  Backoff backoff(options.retry, options.retry.contact_attempts, std::random_device()());
  while (true) {
    RegistryClient::ManifestAnswer found = client.GetManifest(http, name);
    if (found.answer.status.ok()) {
      return store::ParseRawManifest(std::move(found.bytes))
          .Context(StrCat("the manifest that ", found.answer.source, " sent"));
    }
    Status status =
        std::move(found.answer.status).Context(StrCat("the manifest of ", name.Short()));
    if (!found.answer.transient) return WithManifestHint(std::move(status), name);
    const auto wait = backoff.Next(found.answer.retry_after_ns);
    if (!wait) return status;
    core::LogInfo("trying again", {{"because", std::string(status.message())}});
    INGOT_TRY(options.waiter->Sleep(*wait, nullptr));
  }
}

// Blobs that lie in the store and have the content that they are named by.
Result<std::unordered_set<store::Digest>> FindPresent(store::WriteSession& session,
                                                      const std::vector<store::Layer>& blobs,
                                                      core::ProgressSink& sink) {
  const store::Store& store = session.store();
  std::vector<const store::Layer*> there;
  uint64_t bytes = 0;
  for (const store::Layer& layer : blobs) {
    const auto info = store.env().Stat(store.layout().Blob(layer.digest));
    if (!info.ok() || info->size != layer.size) continue;
    there.push_back(&layer);
    bytes += layer.size;
  }
  std::unordered_set<store::Digest> present;
  if (there.empty()) return present;
  core::Progress progress(sink, "checking what is here", core::ProgressUnit::kBytes, bytes);
  std::mutex lock;
  Status failure;
  core::ThreadPool::Shared().ParallelFor(there.size(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      Status status = core::CheckInterrupted();
      bool good = false;
      if (status.ok()) {
        Result<bool> reuse = session.Reuse(there[i]->digest, there[i]->size, store::Trust::kRehash);
        good = reuse.ok() && *reuse;
        status = reuse.status();
      }
      progress.Add(there[i]->size);
      const std::lock_guard<std::mutex> hold(lock);
      if (!status.ok() && failure.ok()) failure = status;
      if (good) present.insert(there[i]->digest);
    }
  });
  if (!failure.ok()) return failure;
  return present;
}

bool IsUnchanged(const store::Store& store, const store::ModelName& name,
                 const store::RawManifest& manifest, const PullPlan& plan) {
  const auto here = store.ReadExact(name);
  return here.ok() && here->raw.id == manifest.id && plan.fetch.empty();
}

}  // namespace

Result<PullReport> Pull(const store::Store& store, const store::ModelName& name,
                        const PullOptions& options, core::ProgressSink& progress,
                        PullObserver* observer) {
  INGOT_ASSIGN(const Url base, RegistryClient::BaseOf(name, options.insecure));
  INGOT_ASSIGN(Credentials credentials, FindCredentials(store.env(), options.environment, base));
  RegistryClient client(base, std::move(credentials), options.insecure, *options.http.clock);
  // Asked as it was written: only the store takes names that differ by case for the same.
  INGOT_ASSIGN(const store::RawManifest manifest, FetchManifest(client, name, options));
  INGOT_ASSIGN(std::vector<store::Layer> blobs, BlobsOf(manifest.manifest));

  INGOT_ASSIGN(const std::unique_ptr<store::WriteSession> session,
               store::WriteSession::Begin(store));
  INGOT_ASSIGN(const store::ModelName canonical, store.Canonical(name));
  INGOT_ASSIGN(const store::LockHandle lock,
               LockModel(store, canonical, *options.waiter, progress));
  INGOT_ASSIGN(const auto present, FindPresent(*session, blobs, progress));
  const PullPlan plan = PlanPull(std::move(blobs), present);
  INGOT_TRY(CheckSpace(store, plan.fetch));

  const PullMarker marker(store, canonical, manifest, plan);
  const bool unchanged = IsUnchanged(store, canonical, manifest, plan);
  core::Progress bytes(progress, StrCat("pulling ", canonical.Short()), core::ProgressUnit::kBytes,
                       plan.fetch_bytes);
  Downloader downloader(*session, client, name, options, bytes, observer);
  const Status fetched = downloader.Run(plan.fetch);
  bytes.Finish();
  if (!fetched.ok()) return fetched.Context(StrCat("pulling ", canonical.Short()));
  INGOT_ASSIGN(store::StoredModel model, session->Commit(canonical, manifest.bytes));
  marker.Remove();
  return PullReport{.model = std::move(model),
                    .unchanged = unchanged,
                    .blobs_fetched = downloader.blobs_fetched(),
                    .blobs_present = plan.present,
                    .bytes_fetched = downloader.bytes_fetched(),
                    .bytes_resumed = downloader.bytes_resumed(),
                    .bytes_present = plan.present_bytes};
}

}  // namespace ingot::registry
