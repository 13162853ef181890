#include "family/policy.h"

#include <algorithm>
#include <optional>

#include "core/checked.h"
#include "family/schedule.h"

namespace ingot::family {
namespace {

constexpr uint64_t kTinyElements = 1024;

// One question to the rules, with what several rows ask of it worked out once.
struct Question {
  const ModelFacts& facts;
  std::string_view name;
  std::span<const uint64_t> shape;
  Precision requested;
  bool stacked;
  std::optional<uint32_t> layer;

  bool IsMatrix() const { return shape.size() == 2 || (shape.size() == 3 && stacked); }
  bool RowsFit(Precision precision) const {
    return !shape.empty() && Fits(precision, shape.back());
  }
};

bool Holds(Stacking stacking, const Question& q) {
  return stacking == Stacking::kEither || (stacking == Stacking::kStacked) == q.stacked;
}

bool Holds(ShapeTest test, const Question& q) {
  switch (test) {
    case ShapeTest::kAnyShape:
      return true;
    case ShapeTest::kMatrix:
      return q.shape.size() == 2;
    case ShapeTest::kNotMatrix:
      return !q.IsMatrix();
    case ShapeTest::kTiny: {
      const auto elements = core::CheckedProduct(q.shape);
      return elements && *elements < kTinyElements;
    }
    case ShapeTest::kMisaligned:
      return !q.RowsFit(q.requested);
  }
  return false;
}

bool Holds(LayerTest test, const Question& q) {
  const uint32_t n = q.facts.layers;
  switch (test) {
    case LayerTest::kAnywhere:
      return true;
    case LayerTest::kLayersKnown:
      return n > 0;
    case LayerTest::kEightExperts:
      return n > 0 && q.facts.experts == 8;
    case LayerTest::kNumbered:
      return n > 0 && q.layer;
    case LayerTest::kSensitive:
      return q.layer && IsSensitiveLayer(*q.layer, n);
    case LayerTest::kSensitiveOrUnnumbered:
      return !q.layer || IsSensitiveLayer(*q.layer, n);
    case LayerTest::kEarlySensitive:
      return q.layer && IsSensitiveLayer(*q.layer, n, int64_t{n} / 2 - 4);
    case LayerTest::kDenseLayer:
      return q.layer &&
             std::binary_search(q.facts.dense_layers.begin(), q.facts.dense_layers.end(), *q.layer);
  }
  return false;
}

const Rule* FirstMatch(std::span<const Rule> rules, const Question& q) {
  const auto it = std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) {
    return (rule.requested & SetOf(q.requested)) != 0 && Holds(rule.stacking, q) &&
           Holds(rule.shape, q) && Holds(rule.layer, q) && rule.names.Match(q.name);
  });
  return it == rules.end() ? nullptr : &*it;
}

// The first of the candidates whose groups fit the rows.
Precision FirstFitting(const Question& q, std::initializer_list<Precision> candidates) {
  for (Precision candidate : candidates) {
    if (q.RowsFit(candidate)) return candidate;
  }
  return Precision::kSource;
}

Precision Apply(Outcome outcome, const Question& q) {
  switch (outcome) {
    case Outcome::kBase:
      return FirstFitting(q, {q.requested});
    case Outcome::kEightBit:
      return FirstFitting(q, {EightBitOf(q.requested)});
    case Outcome::kPromote:
      return FirstFitting(q, {EightBitOf(q.requested), q.requested});
    case Outcome::kSource:
    case Outcome::kGeneric:
    case Outcome::kPlain:
      break;
  }
  return Precision::kSource;
}

Decision DecideGenerically(const Question& q) {
  const Rule* rule = FirstMatch(GenericRules(), q);  // the last row takes everything
  return {Apply(rule->outcome, q), rule->id};
}

// nullopt: the generic rules are to decide.
std::optional<Decision> DecideBy(std::span<const Rule> rules, const Question& q) {
  const Rule* rule = FirstMatch(rules, q);
  if (rule == nullptr || rule->outcome == Outcome::kGeneric) return std::nullopt;
  if (rule->outcome == Outcome::kSource) return Decision{Precision::kSource, rule->id};
  const bool bias = q.name.ends_with(".bias") || q.name.ends_with("_bias");
  if (bias || !q.IsMatrix()) return std::nullopt;
  if (rule->outcome == Outcome::kPlain) {
    Decision decision = DecideGenerically(q);
    if (decision.precision != Precision::kSource) decision = {q.requested, rule->id};
    return decision;
  }
  return Decision{Apply(rule->outcome, q), rule->id};
}

}  // namespace

Decision Decide(std::span<const Rule> family_rules, const ModelFacts& facts, std::string_view name,
                std::span<const uint64_t> shape, Precision requested, bool draft) {
  if (requested == Precision::kSource) return {Precision::kSource, "nothing was asked for"};
  const Question q{.facts = facts,
                   .name = name,
                   .shape = shape,
                   .requested = requested,
                   .stacked = IsStackedName(name),
                   .layer = LayerIndex(name)};
  if (draft) {
    if (const auto decision = DecideBy(DraftRules(), q)) return *decision;
  }
  if (const auto decision = DecideBy(family_rules, q)) return *decision;
  return DecideGenerically(q);
}

}  // namespace ingot::family
