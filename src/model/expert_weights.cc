#include "model/expert_weights.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/strings.h"

namespace ingot::model {
namespace {

namespace mx = ops::mx;
using core::StrCat;
using ops::Array;
using ops::ExpertStack;
using ops::QuantizedTensor;
using ops::Weight;

bool StoredAlike(const ops::Linear& a, const ops::Linear& b) {
  if (a.bias.has_value() != b.bias.has_value()) return false;
  const auto* x = std::get_if<QuantizedTensor>(&a.weight);
  const auto* y = std::get_if<QuantizedTensor>(&b.weight);
  if ((x == nullptr) != (y == nullptr)) return false;
  return x == nullptr ||
         (x->format == y->format && x->global_scale.has_value() == y->global_scale.has_value());
}

// One array of all experts' parts, which `part` picks.
template <typename Part>
Array StackOf(const std::vector<ops::Linear>& each, Part part) {
  std::vector<Array> arrays;
  for (const ops::Linear& linear : each) arrays.push_back(part(linear));
  return mx::stack(arrays, 0);
}

Weight StackWeights(const std::vector<ops::Linear>& each) {
  const auto packed = [](const ops::Linear& l) -> const QuantizedTensor& {
    return std::get<QuantizedTensor>(l.weight);
  };
  if (std::holds_alternative<Array>(each.front().weight)) {
    return StackOf(each, [](const ops::Linear& l) { return std::get<Array>(l.weight); });
  }
  QuantizedTensor all = packed(each.front());
  all.codes = StackOf(each, [&](const ops::Linear& l) { return packed(l).codes; });
  all.scales = StackOf(each, [&](const ops::Linear& l) { return packed(l).scales; });
  if (all.biases) {
    all.biases = StackOf(each, [&](const ops::Linear& l) { return *packed(l).biases; });
  }
  if (all.global_scale) {
    all.global_scale =
        mx::flatten(StackOf(each, [&](const ops::Linear& l) { return *packed(l).global_scale; }));
  }
  return all;
}

// Looks for the projections of one layer's experts in all the places that the table knows.
class Loader {
 public:
  Loader(Weights& weights, const family::ExpertTable& table, std::string_view layer,
         const ExpertShape& shape)
      : weights_(weights), table_(table), layer_(layer), shape_(shape) {}

  ops::ExpertMlp Load() {
    if (shape_.activation.kind == ops::MlpActivation::Kind::kReluSquared) {
      return Assemble(std::nullopt, Projection(family::kUp), ops::GateUp::kApart);
    }
    if (auto both = Joined()) {
      const bool rows = table_.fused == family::FusedForm::kRows;
      return Assemble(std::nullopt, *std::move(both),
                      rows ? ops::GateUp::kJoined : ops::GateUp::kInTurn);
    }
    return Assemble(Projection(family::kGate), Projection(family::kUp), ops::GateUp::kApart);
  }

 private:
  struct Size {
    int outputs;
    int inputs;
  };

  ops::ExpertMlp Assemble(std::optional<ExpertStack> gate, ExpertStack up, ops::GateUp form) {
    return {std::move(gate), std::move(up), Projection(family::kDown), form, shape_.activation};
  }

  std::string Group(const family::ExpertMarker& marker) const {
    return StrCat(layer_, marker.source);
  }

  Size SizeOf(std::string_view projection) const {
    if (projection == family::kDown) return {shape_.hidden, shape_.inner};
    if (projection == family::kGateUp) return {2 * shape_.inner, shape_.hidden};
    return {shape_.inner, shape_.hidden};
  }

  // A stack by exactly this name, in whichever way it is packed.
  std::optional<ExpertStack> Stacked(const std::string& name, Size size) {
    // A family that has gate and up in turns uses all its bare stacks the other way round, x · W.
    const bool turned =
        table_.fused == family::FusedForm::kInterleaved && !weights_.Has(name + ".weight");
    if (auto stack = weights_.Blocks(name, shape_.experts, size.outputs, size.inputs)) return stack;
    return weights_.Stack(name, shape_.experts, size.outputs, size.inputs,
                          turned ? StackOrder::kInputsFirst : StackOrder::kOutputsFirst);
  }

  std::optional<ExpertStack> Joined() {
    if (table_.fused == family::FusedForm::kUnknown) return std::nullopt;
    for (const family::ExpertMarker& marker : table_.markers) {
      if (auto stack =
              Stacked(Group(marker) + std::string(family::kGateUp), SizeOf(family::kGateUp))) {
        return stack;
      }
    }
    return std::nullopt;
  }

  ExpertStack Projection(std::string_view projection) {
    const Size size = SizeOf(projection);
    std::vector<std::string_view> spellings = {projection};
    for (const family::ProjectionAlias& alias : table_.aliases) {
      if (alias.stored == projection) spellings.push_back(alias.source);
    }
    for (const family::ExpertMarker& marker : table_.markers) {
      for (const std::string_view spelling : spellings) {
        const std::string group = Group(marker);
        if (auto stack = Stacked(StrCat(group, spelling), size)) return *std::move(stack);
        if (weights_.Has(StrCat(group, "0.", spelling, ".weight"))) {
          return PerExpert(group, spelling, size);
        }
      }
    }
    weights_.Missing(StrCat(layer_, table_.markers.front().stored, projection, ".weight"));
    return {mx::zeros({shape_.experts, size.outputs, size.inputs}, weights_.type()), {}};
  }

  ExpertStack PerExpert(const std::string& group, std::string_view projection, Size size) {
    std::vector<ops::Linear> each;
    for (int e = 0; e < shape_.experts; ++e) {
      const std::string name = StrCat(group, e, ".", projection);
      each.push_back(weights_.Linear(name, size.outputs, size.inputs));
      if (!StoredAlike(each.front(), each.back())) {
        weights_.Complain(core::Corrupt(
            StrCat(weights_.FullName(name),
                   ": stored unlike expert 0 of the same layer; they cannot be stacked")));
        each.back() = each.front();
      }
    }
    ExpertStack stack{StackWeights(each), {}};
    if (each.front().bias) {
      stack.bias = StackOf(each, [](const ops::Linear& l) { return *l.bias; });
    }
    return stack;
  }

  Weights& weights_;
  const family::ExpertTable& table_;
  std::string_view layer_;
  const ExpertShape& shape_;
};

}  // namespace

ops::ExpertMlp LoadExperts(Weights& weights, const family::ExpertTable& table,
                           std::string_view layer, const ExpertShape& shape) {
  return Loader(weights, table, layer, shape).Load();
}

}  // namespace ingot::model
