// Precision rules as data. A rule is one row: which weights it is about, and what they are stored
// as. A family brings a list of rules; behind them stand the generic ones, which apply to every
// model, known or not. The first rule that fits decides (policy.h).
//
// Tables of constants; any thread.
#ifndef INGOT_FAMILY_RULES_H_
#define INGOT_FAMILY_RULES_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "family/precision.h"

namespace ingot::family {

// A test on a tensor's whole name, container prefix included.
struct NameTest {
  enum class Where : uint8_t { kContains, kEnds, kBegins };
  Where where = Where::kContains;
  std::string_view text;
};
constexpr NameTest Contains(std::string_view text) { return {NameTest::Where::kContains, text}; }
constexpr NameTest Ends(std::string_view text) { return {NameTest::Where::kEnds, text}; }
constexpr NameTest Begins(std::string_view text) { return {NameTest::Where::kBegins, text}; }

// One of `any`, one of `also`, and none of `none`; an empty list asks for nothing.
struct Names {
  std::span<const NameTest> any = {};
  std::span<const NameTest> also = {};
  std::span<const NameTest> none = {};

  bool Match(std::string_view name) const;
};

// The types that were asked for, as a set.
using PrecisionSet = uint8_t;
constexpr PrecisionSet SetOf(Precision precision) {
  return static_cast<PrecisionSet>(1U << static_cast<unsigned>(precision));
}
inline constexpr PrecisionSet kInt4Only = SetOf(Precision::kInt4);
inline constexpr PrecisionSet kMxfp8Only = SetOf(Precision::kMxfp8);
inline constexpr PrecisionSet kFp4 = SetOf(Precision::kNvfp4) | SetOf(Precision::kMxfp4);
inline constexpr PrecisionSet kFourBit = kInt4Only | kFp4;
inline constexpr PrecisionSet kFp = kFp4 | kMxfp8Only;
inline constexpr PrecisionSet kAnyType = kFourBit | SetOf(Precision::kInt8) | kMxfp8Only;

// Weights of experts count as stacked, and so do shared experts where they are called that: judged
// by the name alone, since it is asked before anything is stacked.
enum class Stacking : uint8_t { kEither, kStacked, kNotStacked };

enum class ShapeTest : uint8_t {
  kAnyShape,
  kMatrix,      // rank 2
  kNotMatrix,   // rank is not 2, and not 3 for stacked weights
  kTiny,        // fewer than 1024 elements
  kMisaligned,  // rows that the requested type cannot cut into groups
};

enum class LayerTest : uint8_t {
  kAnywhere,
  kLayersKnown,            // config.json says how many layers there are
  kEightExperts,           // that, and exactly eight experts
  kNumbered,               // that, and the name holds a layer number
  kSensitive,              // a sensitive layer (schedule.h)
  kSensitiveOrUnnumbered,  // or the name holds no layer number
  kEarlySensitive,         // the same with a cadence that ends before the middle, at n / 2 - 4
  kDenseLayer,             // a layer without experts
};

enum class Outcome : uint8_t {
  kSource,    // as it came
  kBase,      // the requested type if rows fit, else as it came
  kEightBit,  // the 8-bit type of the family if rows fit, else as it came
  kPromote,   // the 8-bit type if rows fit, else the requested type, else as it came
  kGeneric,   // whatever the generic rules say
  kPlain,     // that, with a promotion from 4 to 8 bits undone
};

struct Rule {
  std::string_view id;  // "gemma4: sensitive layer", shown beside the tensor in plans
  PrecisionSet requested = kAnyType;
  Names names = {};
  Stacking stacking = Stacking::kEither;
  ShapeTest shape = ShapeTest::kAnyShape;
  LayerTest layer = LayerTest::kAnywhere;
  Outcome outcome = Outcome::kSource;
};

// Apply to every model, behind its family's own.
std::span<const Rule> GenericRules();
// In front of all others for a draft model: its head takes the requested type directly, since its
// quality only decides how often a guess is right.
std::span<const Rule> DraftRules();

// Name tests that several families use.
inline constexpr NameTest kTokenEmbedding[] = {Ends("embed_tokens.weight")};
inline constexpr NameTest kPerLayer[] = {Contains("per_layer")};
inline constexpr NameTest kVision[] = {Contains("vision"), Contains("visual")};
inline constexpr NameTest kValueKeyDown[] = {Contains(".v_proj"), Contains(".k_proj"),
                                             Contains("down_proj")};
inline constexpr NameTest kMlpGate[] = {Ends(".mlp.gate.weight")};

// By name: see Stacking.
bool IsStackedName(std::string_view name);

}  // namespace ingot::family

#endif  // INGOT_FAMILY_RULES_H_
