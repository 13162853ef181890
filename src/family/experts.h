// Where checkpoints keep the weights of experts, and where the canonical layout keeps them: one
// stack [experts, out, in] a projection. Tables and pure functions over names; any thread.
//
//   source, one of                                        canonical
//   <layer>.mlp.experts.<e>.gate_proj.weight  [out, in]    <layer>.mlp.switch_mlp.gate_proj.weight
//   <layer>.mlp.experts.gate_up_proj          [E, 2I, H]   <layer>.mlp.switch_mlp.up_proj.weight
//   <layer>.mlp.experts.gate_proj[.weight]    [E, I, H]    <layer>.mlp.switch_mlp.down_proj.weight
//   <layer>.mlp.switch_mlp.gate_proj.weight   [E, I, H]
//
// where <layer> is any prefix and "layers.<n>".
#ifndef INGOT_FAMILY_EXPERTS_H_
#define INGOT_FAMILY_EXPERTS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::family {

// Text between a layer and an expert's index or projection, dots included.
struct ExpertMarker {
  std::string_view source;  // ".mlp.experts."
  std::string_view stored;  // ".mlp.switch_mlp.": in the canonical layout
  std::string_view asked;   // ".mlp.experts.": in the name that precision rules are asked with
};

struct ProjectionAlias {
  std::string_view source;
  std::string_view stored;
};

// How one source tensor holds gate and up together.
enum class FusedForm : uint8_t {
  kUnknown,      // kept as it is: nothing says which axis
  kRows,         // [E, 2I, H]: the gate's rows, then the up's
  kInterleaved,  // [E, H, 2I] used as x · W: gate and up in turns, the whole transposed. A stack of
                 // packed blocks is not transposed: [E, 2I, …], rows in turns
};

struct ExpertTable {
  std::span<const ExpertMarker> markers;  // longer ones first where one holds another
  std::span<const ProjectionAlias> aliases = {};
  FusedForm fused = FusedForm::kUnknown;
  // The canonical layout has gate over up in one tensor, gate_up_proj [E, 2I, H].
  bool joined = false;
};

inline constexpr std::string_view kGate = "gate_proj";
inline constexpr std::string_view kUp = "up_proj";
inline constexpr std::string_view kDown = "down_proj";
inline constexpr std::string_view kGateUp = "gate_up_proj";

inline constexpr uint32_t kMaxExperts = 65'536;

// The name of a tensor of experts, taken apart; views into the name and the table.
struct ExpertName {
  std::string_view layer;  // "model.layers.3"
  const ExpertMarker* marker = nullptr;
  std::optional<uint32_t> expert;  // nullopt: a stack of all of them
  std::string_view projection;     // "gate_proj", alias undone
  std::string_view suffix;         // ".weight", ".scales", "_blocks", "" …: what is left

  // "<layer>.mlp.switch_mlp": the layer's name for a group kept in one blob.
  std::string Group() const;
  std::string Stored(std::string_view stored_projection) const;  // without suffix
  std::string Asked(std::string_view asked_projection) const;    // with ".weight"
};

// nullopt for a tensor that is none of experts (their routers and score corrections are not). Fails
// where something after a marker begins like an index and is none, or has nothing behind it.
core::Result<std::optional<ExpertName>> ParseExpertName(const ExpertTable& table,
                                                        std::string_view name);

// Of the most common names, and of architectures that we do not know.
extern const ExpertTable kMlpExperts;
extern const ExpertTable kUnknownExperts;

}  // namespace ingot::family

#endif  // INGOT_FAMILY_EXPERTS_H_
