// Model names: [scheme://]host/namespace/model:tag, everything but the model optional. This is the
// one parser; whoever holds a ModelName holds four valid parts, each safe as a path component.
// Values; any thread.
//
//   part             length  first character   further characters
//   host             1..350  letter digit _    letter digit _ - . :
//   namespace        1..80   letter digit _    letter digit _ -
//   model, tag       1..80   letter digit _    letter digit _ - .
//
// Case is kept, but two names that differ only by case are the same model: Store::Canonical() turns
// a name into the spelling that lies on disk.
#ifndef INGOT_STORE_NAME_H_
#define INGOT_STORE_NAME_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::store {

inline constexpr std::string_view kDefaultHost = "registry.ollama.ai";
inline constexpr std::string_view kDefaultNamespace = "library";
inline constexpr std::string_view kDefaultTag = "latest";

enum class NamePart { kHost, kNamespace, kModel, kTag };

// How the registry of a name is reached. Not part of the identity of a model.
enum class Scheme { kHttps, kHttp };

class ModelName {
 public:
  // What a person or a request wrote; missing parts get their defaults.
  static core::Result<ModelName> Parse(std::string_view text);
  // Four parts as they lie on disk, all present.
  static core::Result<ModelName> FromParts(std::string_view host, std::string_view name_space,
                                           std::string_view model, std::string_view tag,
                                           Scheme scheme = Scheme::kHttps);

  const std::string& host() const { return host_; }
  const std::string& name_space() const { return namespace_; }
  const std::string& model() const { return model_; }
  const std::string& tag() const { return tag_; }
  Scheme scheme() const { return scheme_; }

  // host/namespace/model:tag
  std::string Full() const;
  // As people like it: the host goes if it is the default, then the namespace likewise; model and
  // tag always stay.
  std::string Short() const;
  // host/namespace/model/tag below the manifests directory.
  std::filesystem::path RelativePath() const;

  // The same model: equal but for case (and scheme).
  bool SameModel(const ModelName& other) const;
  // The same spelling.
  bool operator==(const ModelName& other) const;
  // By full spelling, for stable listings.
  bool operator<(const ModelName& other) const;

 private:
  ModelName() = default;

  std::string host_{kDefaultHost};
  std::string namespace_{kDefaultNamespace};
  std::string model_;
  std::string tag_{kDefaultTag};
  Scheme scheme_ = Scheme::kHttps;
};

// Whether text may stand as that part: OK, or what is wrong with it.
core::Status CheckNamePart(NamePart part, std::string_view text);

}  // namespace ingot::store

#endif  // INGOT_STORE_NAME_H_
