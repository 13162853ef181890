#include "model/expert_weights.h"

#include <functional>
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

// Applies the same rearrangement of rows to a weight and everything that goes with its rows.
Weight MapRows(const Weight& weight, const std::function<Array(const Array&)>& map) {
  if (const Array* dense = std::get_if<Array>(&weight)) return map(*dense);
  QuantizedTensor packed = std::get<QuantizedTensor>(weight);
  packed.codes = map(packed.codes);
  packed.scales = map(packed.scales);
  if (packed.biases) packed.biases = map(*packed.biases);
  return packed;
}

// Rows [begin, end) of every expert: exact, since groups run along a row.
Weight RowsOf(const Weight& weight, int begin, int end) {
  return MapRows(weight, [&](const Array& x) {
    mx::Shape to = x.shape();
    to[1] = end;
    return mx::contiguous(mx::slice(x, {0, begin, 0}, to));
  });
}

bool StoredAlike(const Weight& a, const Weight& b) {
  const auto* x = std::get_if<QuantizedTensor>(&a);
  const auto* y = std::get_if<QuantizedTensor>(&b);
  if ((x == nullptr) != (y == nullptr)) return false;
  return x == nullptr ||
         (x->format == y->format && x->global_scale.has_value() == y->global_scale.has_value());
}

Weight StackAll(const std::vector<Weight>& each) {
  const auto stack = [&](auto part) {
    std::vector<Array> arrays;
    for (const Weight& weight : each) arrays.push_back(part(weight));
    return mx::stack(arrays, 0);
  };
  if (std::holds_alternative<Array>(each.front())) {
    return stack([](const Weight& w) { return std::get<Array>(w); });
  }
  QuantizedTensor packed = std::get<QuantizedTensor>(each.front());
  packed.codes = stack([](const Weight& w) { return std::get<QuantizedTensor>(w).codes; });
  packed.scales = stack([](const Weight& w) { return std::get<QuantizedTensor>(w).scales; });
  if (packed.biases) {
    packed.biases = stack([](const Weight& w) { return *std::get<QuantizedTensor>(w).biases; });
  }
  if (packed.global_scale) {
    packed.global_scale = mx::flatten(
        stack([](const Weight& w) { return *std::get<QuantizedTensor>(w).global_scale; }));
  }
  return packed;
}

ExpertStack PerExpert(Weights& weights, std::string_view group, std::string_view projection,
                      int experts, int outputs, int inputs) {
  std::vector<Weight> each;
  for (int e = 0; e < experts; ++e) {
    const std::string name = StrCat(group, ".experts.", e, ".", projection);
    each.push_back(weights.Linear(name, outputs, inputs).weight);
    if (!StoredAlike(each.front(), each.back())) {
      weights.Complain(core::Corrupt(
          StrCat(weights.FullName(name),
                 ": stored unlike expert 0 of the same layer; they cannot be stacked")));
      each.back() = each.front();
    }
  }
  return {StackAll(each), {}};
}

}  // namespace

ops::ExpertMlp LoadExperts(Weights& weights, std::string_view group, int experts, int hidden,
                           int inner) {
  const auto projection = [&](std::string_view name, int outputs, int inputs) {
    for (const std::string_view form : {".switch_mlp.", ".experts."}) {
      if (auto stack = weights.Stack(StrCat(group, form, name), experts, outputs, inputs)) {
        return *std::move(stack);
      }
    }
    if (weights.Has(StrCat(group, ".experts.0.", name, ".weight"))) {
      return PerExpert(weights, group, name, experts, outputs, inputs);
    }
    weights.Missing(StrCat(group, ".switch_mlp.", name, ".weight"));
    return ExpertStack{mx::zeros({experts, outputs, inputs}, weights.type()), {}};
  };
  for (const std::string_view form : {".switch_mlp.", ".experts."}) {
    const auto fused =
        weights.Stack(StrCat(group, form, "gate_up_proj"), experts, 2 * inner, hidden);
    if (!fused) continue;
    return {{RowsOf(fused->weight, 0, inner), {}},
            {RowsOf(fused->weight, inner, 2 * inner), {}},
            projection("down_proj", hidden, inner)};
  }
  return {projection("gate_proj", inner, hidden), projection("up_proj", inner, hidden),
          projection("down_proj", hidden, inner)};
}

}  // namespace ingot::model
