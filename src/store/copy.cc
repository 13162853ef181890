#include "store/copy.h"

#include "core/strings.h"
#include "store/session.h"

namespace ingot::store {

core::Result<StoredModel> CopyModel(const Store& store, const ModelName& from,
                                    const ModelName& to) {
  INGOT_ASSIGN(const ModelName source_name, store.Canonical(from));
  INGOT_ASSIGN(const ModelName target_name, store.Canonical(to));
  // A first look, so that a wrong name makes no directories in a store that has none.
  INGOT_TRY(store.Read(source_name).status());
  if (source_name.SameModel(target_name)) {
    return core::InvalidArgument(
        core::StrCat("source and destination are the same model, ", source_name.Short()));
  }
  INGOT_ASSIGN(const std::unique_ptr<WriteSession> session, WriteSession::Begin(store));
  INGOT_ASSIGN(const StoredModel source, store.Read(source_name));
  // Claimed one by one, the blobs stay when somebody removes the source before the copy names them.
  // Commit says which one is missing.
  core::Status claimed;
  source.manifest().ForEachBlob([&](const Layer& layer) {
    if (claimed.ok()) claimed = session->Reuse(layer.digest, layer.size, Trust::kSize).status();
  });
  INGOT_TRY(claimed);
  return session->Commit(target_name, source.raw.bytes);
}

}  // namespace ingot::store
