#include "store/manifest.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/checked.h"
#include "core/json.h"
#include "core/strings.h"
#include "store/json_keys.h"
#include "store/json_text.h"

namespace ingot::store {
namespace {

using core::Corrupt;
using core::JsonKind;
using core::JsonReader;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

constexpr core::JsonLimits kLimits = {.max_bytes = kMaxManifestBytes, .max_depth = 32};

enum LayerKey { kMediaType, kDigest, kSize, kFrom, kName };
constexpr std::array<std::string_view, 5> kLayerKeys = {"mediaType", "digest", "size", "from",
                                                        "name"};
enum ManifestKey { kSchemaVersion, kManifestType, kConfig, kLayers };
constexpr std::array<std::string_view, 4> kManifestKeys = {"schemaVersion", "mediaType", "config",
                                                           "layers"};

// type/subtype of printable ASCII, as RFC 6838 has it, parameters allowed.
Status CheckMediaType(std::string_view text) {
  bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!printable || text.size() > 255 || text.find('/') == std::string_view::npos) {
    return Corrupt(StrCat("mediaType ", Quoted(text, 80), " is not a media type"));
  }
  return Status::Ok();
}

Status CheckText(std::string_view key, std::string_view text) {
  if (text.size() > kMaxLayerNameBytes) {
    return Corrupt(StrCat(key, " is ", text.size(), " bytes long, at most ", kMaxLayerNameBytes,
                          " are allowed"));
  }
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Corrupt(StrCat(key, " ", Quoted(text, 80), " holds a control character"));
    }
  }
  return Status::Ok();
}

Result<uint64_t> ReadSize(JsonReader& reader) {
  Result<uint64_t> size = reader.Unsigned();
  if (!size.ok()) return std::move(size).Context("size");
  if (*size > kMaxBlobBytes) {
    return Corrupt(StrCat("size ", *size, " is more than the largest blob, ", kMaxBlobBytes));
  }
  return size;
}

Result<Digest> ReadDigest(JsonReader& reader) {
  INGOT_ASSIGN(std::string_view text, reader.String());
  Result<Digest> digest = Digest::Parse(text);
  if (!digest.ok()) return Corrupt(std::string(digest.status().message()));
  return digest;
}

Result<Layer> ReadLayer(JsonReader& reader) {
  INGOT_TRY(reader.BeginObject());
  KeySet keys(kLayerKeys);
  std::string media_type, from, name;
  std::optional<Digest> digest;
  uint64_t size = 0;
  while (true) {
    INGOT_ASSIGN(std::optional<std::string_view> key, reader.NextKey());
    if (!key) break;
    INGOT_ASSIGN(std::optional<size_t> index, keys.Take(*key));
    if (!index) {
      INGOT_TRY(reader.SkipValue());
      continue;
    }
    switch (*index) {
      case kMediaType: {
        INGOT_ASSIGN(media_type, reader.String());
        INGOT_TRY(CheckMediaType(media_type));
        break;
      }
      case kDigest: {
        INGOT_ASSIGN(digest, ReadDigest(reader));
        break;
      }
      case kSize: {
        INGOT_ASSIGN(size, ReadSize(reader));
        break;
      }
      case kFrom: {
        INGOT_ASSIGN(from, reader.String());
        INGOT_TRY(CheckText("from", from));
        break;
      }
      case kName: {
        INGOT_ASSIGN(name, reader.String());
        INGOT_TRY(CheckText("name", name));
        break;
      }
    }
  }
  for (size_t required : {kMediaType, kDigest, kSize}) INGOT_TRY(keys.Require(required));
  return Layer{std::move(media_type), *digest, size, std::move(from), std::move(name)};
}

Result<std::vector<Layer>> ReadLayers(JsonReader& reader) {
  std::vector<Layer> layers;
  if (reader.Peek() == JsonKind::kNull) {  // how the original writes a list that is empty
    INGOT_TRY(reader.Null());
    return layers;
  }
  INGOT_TRY(reader.BeginArray());
  while (true) {
    INGOT_ASSIGN(bool more, reader.NextElement());
    if (!more) return layers;
    if (layers.size() == kMaxManifestLayers) {
      return core::Exhausted(StrCat("more than ", kMaxManifestLayers, " layers"));
    }
    Result<Layer> layer = ReadLayer(reader);
    if (!layer.ok()) return std::move(layer).status().Context(StrCat("layer ", layers.size()));
    layers.push_back(*std::move(layer));
  }
}

Status CheckSchemaVersion(JsonReader& reader) {
  INGOT_ASSIGN(uint64_t version, reader.Unsigned());
  if (version == 2) return Status::Ok();
  return core::Unsupported(StrCat("schemaVersion is ", version, ", only 2 is supported"));
}

Status CheckManifestType(std::string_view text) {
  if (text == kManifestMediaType || text == kOciManifestMediaType) return Status::Ok();
  return core::Unsupported(
      StrCat("mediaType is ", Quoted(text, 80), ", expected ", kManifestMediaType));
}

void AppendLayer(std::string& out, const Layer& layer) {
  out += JsonObjectText()
             .String("mediaType", layer.media_type)
             .String("digest", layer.digest.ToString())
             .Number("size", layer.size)
             .StringUnlessEmpty("from", layer.from)
             .StringUnlessEmpty("name", layer.name)
             .Take();
}

}  // namespace

uint64_t Manifest::TotalSize() const {
  uint64_t total = 0;  // cannot wrap: 2^18 layers of at most 2^50 bytes would be 2^68, so saturate
  ForEachBlob([&](const Layer& layer) {
    total = core::CheckedAdd(total, layer.size).value_or(UINT64_MAX);
  });
  return total;
}

const Layer* Manifest::Find(std::string_view type) const {
  auto it = std::find_if(layers.begin(), layers.end(),
                         [&](const Layer& layer) { return layer.media_type == type; });
  return it == layers.end() ? nullptr : &*it;
}

const Layer* Manifest::Find(std::string_view type, std::string_view name) const {
  auto it = std::find_if(layers.begin(), layers.end(), [&](const Layer& layer) {
    return layer.media_type == type && layer.name == name;
  });
  return it == layers.end() ? nullptr : &*it;
}

Result<Manifest> ParseManifest(std::string_view text) {
  JsonReader reader(text, kLimits);
  if (reader.Peek() != JsonKind::kObject) return Corrupt("a manifest is a JSON object");
  INGOT_TRY(reader.BeginObject());
  KeySet keys(kManifestKeys);
  std::string media_type(kManifestMediaType);
  std::optional<Layer> config;
  std::vector<Layer> layers;
  while (true) {
    INGOT_ASSIGN(std::optional<std::string_view> key, reader.NextKey());
    if (!key) break;
    INGOT_ASSIGN(std::optional<size_t> index, keys.Take(*key));
    if (!index) {
      INGOT_TRY(reader.SkipValue());
      continue;
    }
    switch (*index) {
      case kSchemaVersion:
        INGOT_TRY(CheckSchemaVersion(reader));
        break;
      case kManifestType: {
        INGOT_ASSIGN(media_type, reader.String());
        INGOT_TRY(CheckManifestType(media_type));
        break;
      }
      case kConfig: {
        INGOT_ASSIGN(config, ReadLayer(reader).Context("config"));
        break;
      }
      case kLayers: {
        INGOT_ASSIGN(layers, ReadLayers(reader));
        break;
      }
    }
  }
  INGOT_TRY(reader.End());
  for (size_t required : {kSchemaVersion, kConfig, kLayers}) INGOT_TRY(keys.Require(required));
  return Manifest{std::move(media_type), *std::move(config), std::move(layers)};
}

Result<RawManifest> ParseRawManifest(std::string bytes) {
  INGOT_ASSIGN(Manifest manifest, ParseManifest(bytes));
  Digest id = Digest::Of(bytes);
  return RawManifest{std::move(bytes), std::move(manifest), id};
}

std::string EncodeManifest(const Manifest& manifest) {
  std::string config;
  AppendLayer(config, manifest.config);
  std::string layers = "[";
  for (const Layer& layer : manifest.layers) {
    if (layers.size() > 1) layers += ',';
    AppendLayer(layers, layer);
  }
  layers += ']';
  std::string out = JsonObjectText()
                        .Number("schemaVersion", 2)
                        .String("mediaType", manifest.media_type)
                        .Raw("config", config)
                        .Raw("layers", layers)
                        .Take();
  out += '\n';
  return out;
}

}  // namespace ingot::store
