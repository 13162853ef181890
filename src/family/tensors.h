// The tensors of a model by name: what each is for, and which a model cannot do without. Tables of
// constants and pure functions; any thread.
#ifndef INGOT_FAMILY_TENSORS_H_
#define INGOT_FAMILY_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::family {

enum class Role : uint8_t {
  kEmbedding,
  kHead,
  kNorm,
  kAttention,
  kRecurrent,  // gated delta nets, state spaces
  kMlp,
  kRouter,
  kExperts,
  kSharedExperts,
  kLayerScalar,
  kVision,
  kAudio,
  kDraftHead,  // multi-token prediction inside the model
  kOther,
};
std::string_view NameOf(Role role);

enum class Need : uint8_t {
  kMaybe,
  kModel,       // once
  kEveryLayer,  // in every layer that config.json counts
};

// One tensor, or one a layer.
struct TensorRow {
  // The canonical name behind the container prefix; "{}" stands for a number, "*" at the end for
  // anything.
  std::string_view pattern;
  Role role = Role::kOther;
  Need need = Need::kMaybe;
  // Rows of the same number stand for each other: a layer (or the model) needs one of them.
  uint8_t either = 0;
};

// What text models lie in: "", "model.", "language_model.model.", …
std::span<const std::string_view> ContainerPrefixes();

struct TensorMatch {
  size_t row = 0;
  std::optional<uint32_t> number;  // the first "{}"
};
std::optional<TensorMatch> MatchTensor(std::span<const TensorRow> rows, std::string_view name);

// What the table demands and names lacks, for people: "layers.3.self_attn.q_proj.weight". layers: 0
// when it is not known, and then only what the model needs once is looked for.
struct Missing {
  std::vector<std::string> names;  // at most `limit` of them
  size_t count = 0;                // of all
};
Missing FindMissing(std::span<const TensorRow> rows, std::span<const std::string_view> names,
                    uint32_t layers, size_t limit);

}  // namespace ingot::family

#endif  // INGOT_FAMILY_TENSORS_H_
