// The manifest of a model: which blobs it is made of, in which order, and what each is. Values; any
// thread.
//
// Reading is strict about what we rely on and blind to the rest: every required field must be there
// once, spelled exactly, of the right type and within its bounds, while fields we do not know are
// skipped. The bytes that were read are kept beside the parsed form (RawManifest), so that a copy
// or a push passes them on unchanged; the model's id is the SHA-256 of those bytes.
#ifndef INGOT_STORE_MANIFEST_H_
#define INGOT_STORE_MANIFEST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "store/digest.h"

namespace ingot::store {

inline constexpr std::string_view kManifestMediaType =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kOciManifestMediaType =
    "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kConfigMediaType =
    "application/vnd.docker.container.image.v1+json";

// Layers of models kept as tensors.
inline constexpr std::string_view kTensorMediaType = "application/vnd.ollama.image.tensor";
inline constexpr std::string_view kJsonMediaType = "application/vnd.ollama.image.json";
inline constexpr std::string_view kTemplateMediaType = "application/vnd.ollama.image.template";
inline constexpr std::string_view kSystemMediaType = "application/vnd.ollama.image.system";
inline constexpr std::string_view kLicenseMediaType = "application/vnd.ollama.image.license";
inline constexpr std::string_view kParamsMediaType = "application/vnd.ollama.image.params";
inline constexpr std::string_view kMessagesMediaType = "application/vnd.ollama.image.messages";
// Layers of models kept as one GGUF file, which we list, copy, verify and remove, but do not run.
inline constexpr std::string_view kGgufModelMediaType = "application/vnd.ollama.image.model";

// A manifest names each blob with some 250 bytes: these bounds allow models of 200,000 tensors.
inline constexpr uint64_t kMaxManifestBytes = uint64_t{64} << 20;
inline constexpr size_t kMaxManifestLayers = 200'000;
inline constexpr uint64_t kMaxBlobBytes = uint64_t{1} << 50;
inline constexpr size_t kMaxLayerNameBytes = 1024;

struct Layer {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;
  std::string from;  // short name of the model it was inherited from; usually empty
  std::string name;  // of the tensor, expert group or file; empty for texts

  bool operator==(const Layer&) const = default;
};

struct Manifest {
  std::string media_type{kManifestMediaType};
  Layer config;
  std::vector<Layer> layers;

  // Bytes of the config and all layers, a blob that is named twice counted twice.
  uint64_t TotalSize() const;
  // The first layer of that media type (and name), or nullptr.
  const Layer* Find(std::string_view media_type) const;
  const Layer* Find(std::string_view media_type, std::string_view name) const;
  // Calls visit(layer) for the config and then every layer.
  template <typename Visit>
  void ForEachBlob(Visit&& visit) const {
    visit(config);
    for (const Layer& layer : layers) visit(layer);
  }

  bool operator==(const Manifest&) const = default;
};

// A manifest with the exact bytes it was read from, or will be written as.
struct RawManifest {
  std::string bytes;
  Manifest manifest;
  Digest id;  // of bytes
};

// Checks everything named above; the error says which field of which layer is wrong.
core::Result<Manifest> ParseManifest(std::string_view text);
core::Result<RawManifest> ParseRawManifest(std::string bytes);

// One line of compact JSON and a newline, keys in the order of the format.
std::string EncodeManifest(const Manifest& manifest);

}  // namespace ingot::store

#endif  // INGOT_STORE_MANIFEST_H_
