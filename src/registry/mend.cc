#include "registry/mend.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "core/interrupt.h"
#include "core/strings.h"
#include "registry/client.h"
#include "registry/downloader.h"
#include "registry/partial_blob.h"
#include "registry/piece_sum.h"
#include "registry/plan.h"
#include "registry/pull_steps.h"
#include "registry/upload_protocol.h"
#include "store/session.h"

namespace ingot::registry {
namespace {

using core::Result;
using core::Status;
using core::StrCat;

// As long as what a download records at a time.
constexpr uint64_t kPieceBytes = uint64_t{1} << 18;

// Begins the download of a blob with the bytes of a file that ends too early. Whether they are the
// right ones shows when the whole is hashed.
Status SeedFrom(const store::Store& store, const store::Layer& layer, const core::Path& file) {
  const Result<core::FileInfo> info = store.env().Stat(file);
  const bool is_short = info.ok() && info->kind == core::FileKind::kRegular && info->size > 0 &&
                        info->size < layer.size;
  if (!is_short) return Status::Ok();
  INGOT_TRY(store.env().CreateDirs(store.layout().Locks()));
  INGOT_ASSIGN(store::LockHandle lock,
               store::TryLockFile(store.env(), store.layout().PartialLock(layer.digest),
                                  core::LockMode::kExclusive));
  if (lock == nullptr) return Status::Ok();  // somebody is fetching it
  INGOT_ASSIGN(const auto partial,
               PartialBlob::Open(store, layer.digest, layer.size, std::move(lock)));
  if (partial->have().total() >= info->size) return Status::Ok();
  INGOT_ASSIGN(const auto reader, store.env().OpenRead(file, core::Access::kSequential));
  INGOT_ASSIGN(const auto writer, partial->OpenWriter());
  std::vector<std::byte> buffer(kPieceBytes);
  for (uint64_t at = 0; at < info->size;) {
    INGOT_TRY(core::CheckInterrupted());
    const auto piece = std::span(buffer).first(
        static_cast<size_t>(std::min<uint64_t>(kPieceBytes, info->size - at)));
    INGOT_TRY(reader->ReadAt(at, piece));
    INGOT_TRY(writer->WriteAt(at, piece));
    PieceSum sum;
    sum.Update(piece);
    INGOT_TRY(partial->Record({at, at + piece.size()}, sum.Value()));
    at += piece.size();
  }
  return Status::Ok();
}

const store::DamagedModel* Find(const store::RepairReport& repaired, const store::ModelName& name) {
  const auto found =
      std::find_if(repaired.models.begin(), repaired.models.end(),
                   [&](const store::DamagedModel& model) { return model.name.SameModel(name); });
  return found == repaired.models.end() ? nullptr : &*found;
}

// The layers whose blobs are not there, or not what they should be.
Result<std::vector<store::Layer>> FindLacking(store::WriteSession& session,
                                              const store::Manifest& manifest,
                                              const store::DamagedModel& damaged) {
  INGOT_ASSIGN(std::vector<store::Layer> blobs, BlobsOf(manifest));
  Status status;
  std::erase_if(blobs, [&](const store::Layer& layer) {
    const auto& missing = damaged.missing;
    const bool lacks = std::find(missing.begin(), missing.end(), layer.digest) != missing.end();
    const Result<bool> here = session.Reuse(layer.digest, layer.size,
                                            lacks ? store::Trust::kRehash : store::Trust::kSize);
    if (!here.ok() && status.ok()) status = here.status();
    return !lacks || (here.ok() && *here);
  });
  if (!status.ok()) return status;
  return blobs;
}

// One question first, asked a few times only: a registry that does not answer, or has no such
// thing, shows before everything is asked for at once.
Status AskFor(RegistryClient& client, const store::ModelName& name, const store::Layer& layer,
              const PullOptions& options) {
  HttpClient http(options.http);
  UploadProtocol protocol(client, name, options.http.stall_timeout_ns);
  Backoff backoff(options.retry, options.retry.contact_attempts, std::random_device()());
  while (true) {
    bool exists = false;
    const Answer answer = protocol.Exists(http, layer, exists);
    if (answer.status.ok() && exists) return Status::Ok();
    if (answer.status.ok()) {
      return core::NotFound(
                 StrCat(client.base().Origin(), " does not have ", layer.digest.ToString()))
          .WithHint("Was the model made here? Then create it again.");
    }
    const auto wait = backoff.Next(answer.retry_after_ns);
    if (!answer.transient || !wait) return answer.status;
    INGOT_TRY(options.waiter->Sleep(*wait, nullptr));
  }
}

}  // namespace

Result<MendReport> Mend(const store::Store& store, const store::ModelName& name,
                        const store::RepairReport& repaired, const PullOptions& options,
                        core::ProgressSink& progress, LayerObserver* observer) {
  const store::DamagedModel* damaged = Find(repaired, name);
  if (damaged == nullptr || (!damaged->manifest_gone && damaged->missing.empty())) {
    return MendReport{};
  }
  if (damaged->manifest_gone) {
    INGOT_ASSIGN(const PullReport pulled, Pull(store, name, options, progress, observer));
    return MendReport{true, pulled.blobs_fetched, pulled.bytes_fetched, pulled.bytes_resumed};
  }
  INGOT_ASSIGN(const Url base, RegistryClient::BaseOf(name, options.insecure));
  INGOT_ASSIGN(Credentials credentials, FindCredentials(store.env(), options.environment, base));
  RegistryClient client(base, std::move(credentials), options.insecure, *options.http.clock);
  INGOT_ASSIGN(const auto session, store::WriteSession::Begin(store));
  INGOT_ASSIGN(const store::ModelName canonical, store.Canonical(name));
  const std::string context = StrCat("fetching what ", canonical.Short(), " lacks");
  INGOT_ASSIGN(const store::LockHandle lock,
               LockModel(store, canonical, *options.waiter, progress));
  INGOT_ASSIGN(const store::StoredModel model, store.ReadExact(canonical));
  INGOT_ASSIGN(const std::vector<store::Layer> lacking,
               FindLacking(*session, model.manifest(), *damaged));
  if (lacking.empty()) return MendReport{};
  INGOT_TRY(CheckSpace(store, lacking));
  INGOT_TRY(AskFor(client, name, lacking.front(), options).Context(context));
  for (const store::RepairMove& move : repaired.quarantined) {
    for (const store::Layer& layer : lacking) {
      if (move.from != store.layout().Blob(layer.digest)) continue;
      INGOT_TRY(SeedFrom(store, layer, move.to));
    }
  }
  core::Progress bytes(progress, context, core::ProgressUnit::kBytes, 0);
  Downloader downloader(*session, client, name, options, bytes, observer);
  const Status fetched = downloader.Run(lacking);
  bytes.Finish();
  if (!fetched.ok()) return fetched.Context(context);
  return MendReport{false, downloader.blobs_fetched(), downloader.bytes_fetched(),
                    downloader.bytes_resumed()};
}

}  // namespace ingot::registry
