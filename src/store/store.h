// A model store on disk, as everyone sees it who only reads: names, manifests, blobs. Writing is
// WriteSession (session.h), removing remove.h and gc.h, checking verify.h.
//
// Reading takes no lock: manifests are replaced atomically, blobs never change, and a store that
// lies on a read-only disk or belongs to another user can be read like any other. Whoever wants a
// model to stay while it is used takes a ModelLease (lease.h).
//
// Thread-safe: holds nothing but references and paths. env and clock outlive it.
#ifndef INGOT_STORE_STORE_H_
#define INGOT_STORE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/env.h"
#include "store/layout.h"
#include "store/manifest.h"
#include "store/model_config.h"

namespace ingot::store {

// A model as it lies on disk.
struct StoredModel {
  ModelName name;
  RawManifest raw;
  int64_t modified_ns = 0;

  const Manifest& manifest() const { return raw.manifest; }
};

// A file among the manifests that is none, and why.
struct UnreadableManifest {
  Path path;
  std::optional<ModelName> name;  // nullopt where the path is no valid name either
  core::Status error;
};

struct ManifestScan {
  std::vector<StoredModel> models;             // by name
  std::vector<UnreadableManifest> unreadable;  // with valid names: these hold back gc
  std::vector<Path> strangers;                 // files whose path is no model name

  // For removals: an error naming the first unreadable manifest, if there is one.
  core::Status RequireAllReadable() const;
};

class Store {
 public:
  // Touches nothing; a directory that does not exist is a store without models.
  Store(core::Env& env, const core::Clock& clock, Path root)
      : env_(env), clock_(clock), layout_(std::move(root)) {}

  core::Env& env() const { return env_; }
  const core::Clock& clock() const { return clock_; }
  const Layout& layout() const { return layout_; }

  // The name in the spelling that lies on disk, part by part from the host on as far as anything
  // does.
  core::Result<ModelName> Canonical(const ModelName& name) const;

  // Every manifest. Fails only when a directory cannot be listed.
  core::Result<ManifestScan> Scan() const;

  // kNotFound with a hint at the closest name that exists.
  core::Result<StoredModel> Read(const ModelName& name) const;
  // Without recasing: the manifest at this very path.
  core::Result<StoredModel> ReadExact(const ModelName& name) const;

  // The blob of a layer, which must be a file of the layer's size; its content is not hashed.
  core::Result<std::unique_ptr<core::ReadFile>> OpenBlob(
      const Layer& layer, core::Access access = core::Access::kNormal) const;
  core::Result<std::unique_ptr<core::MappedFile>> MapBlob(
      const Layer& layer, core::Access access = core::Access::kNormal) const;
  // The whole of a small blob, checked against its digest. kExhausted when larger than limit.
  core::Result<std::string> ReadBlob(const Layer& layer, uint64_t limit) const;
  core::Result<ModelConfig> ReadConfig(const Manifest& manifest) const;

 private:
  std::string SuggestName(const ModelName& name) const;

  core::Env& env_;
  const core::Clock& clock_;
  Layout layout_;
};

}  // namespace ingot::store

#endif  // INGOT_STORE_STORE_H_
