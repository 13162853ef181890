#include "tests/models/expert_layouts.h"

#include <stdexcept>
#include <string_view>
#include <utility>

#include "core/strings.h"

namespace ingot::testing {
namespace {

using core::StrCat;

constexpr std::string_view kWeight = ".weight";

// Rows first, first + step, … of slab e of [E, R, C]; of [E, R], its values.
SeededTensor RowsOf(const SeededTensor& stack, size_t e, size_t first, size_t end, size_t step) {
  const size_t rows = stack.shape[1];
  const size_t width = stack.shape.size() == 3 ? stack.shape[2] : 1;
  SeededTensor part;
  for (size_t row = first; row < end; row += step) {
    const auto from = stack.values.begin() + static_cast<ptrdiff_t>((e * rows + row) * width);
    part.values.insert(part.values.end(), from, from + static_cast<ptrdiff_t>(width));
  }
  part.shape = {part.values.size() / width};
  if (stack.shape.size() == 3) part.shape.push_back(width);
  return part;
}

// [E, R, C] → [E, C, R]
SeededTensor Turned(const SeededTensor& stack) {
  const size_t rows = stack.shape[1];
  const size_t columns = stack.shape[2];
  SeededTensor turned{stack.name, {stack.shape[0], columns, rows}, {}};
  turned.values.resize(stack.values.size());
  for (size_t e = 0; e < stack.shape[0]; ++e) {
    const size_t base = e * rows * columns;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        turned.values[base + c * rows + r] = stack.values[base + r * columns + c];
      }
    }
  }
  return turned;
}

SeededTensor StackOf(const std::vector<SeededTensor>& each) {
  SeededTensor stack{"", each.front().shape, {}};
  stack.shape.insert(stack.shape.begin(), each.size());
  for (const SeededTensor& one : each) {
    stack.values.insert(stack.values.end(), one.values.begin(), one.values.end());
  }
  return stack;
}

// Gate over up, or both in turns.
SeededTensor Joined(const SeededTensor& gate, const SeededTensor& up, bool in_turn) {
  SeededTensor both{"", gate.shape, {}};
  both.shape[0] *= 2;
  if (!in_turn) {
    both.values = gate.values;
    both.values.insert(both.values.end(), up.values.begin(), up.values.end());
    return both;
  }
  const size_t width = gate.shape.size() == 2 ? gate.shape[1] : 1;
  for (size_t at = 0; at < gate.values.size(); at += width) {
    for (const SeededTensor* one : {&gate, &up}) {
      const auto from = one->values.begin() + static_cast<ptrdiff_t>(at);
      both.values.insert(both.values.end(), from, from + static_cast<ptrdiff_t>(width));
    }
  }
  return both;
}

std::vector<SeededTensor> JoinedEach(const std::vector<SeededTensor>& gates,
                                     const std::vector<SeededTensor>& ups, bool in_turn) {
  std::vector<SeededTensor> all;
  for (size_t e = 0; e < gates.size(); ++e) all.push_back(Joined(gates[e], ups[e], in_turn));
  return all;
}

void TakeStack(const family::ExpertTable& table, const family::ExpertName& name,
               const SeededTensor& stored, LayerExperts& layer) {
  const bool in_turn = table.fused == family::FusedForm::kInterleaved;
  const bool bias = name.suffix.ends_with("bias");
  const SeededTensor stack = in_turn && name.suffix.empty() ? Turned(stored) : stored;
  auto& parts = bias ? layer.biases : layer.weights;
  const size_t rows = stack.shape[1];
  for (size_t e = 0; e < stack.shape[0]; ++e) {
    if (name.projection != family::kGateUp) {
      parts[std::string(name.projection)].push_back(RowsOf(stack, e, 0, rows, 1));
    } else if (in_turn) {
      parts[std::string(family::kGate)].push_back(RowsOf(stack, e, 0, rows, 2));
      parts[std::string(family::kUp)].push_back(RowsOf(stack, e, 1, rows, 2));
    } else {
      parts[std::string(family::kGate)].push_back(RowsOf(stack, e, 0, rows / 2, 1));
      parts[std::string(family::kUp)].push_back(RowsOf(stack, e, rows / 2, rows, 1));
    }
  }
}

// Lays the experts of one layer out.
class Layer {
 public:
  Layer(const family::ExpertTable& table, const ExpertLayout& layout, std::string group)
      : table_(table), layout_(layout), group_(std::move(group)) {}

  std::vector<LaidTensor> Lay(const LayerExperts& experts) {
    const bool fused = layout_.form == ExpertForm::kFused;
    for (const auto& [projection, weights] : experts.weights) {
      const auto biases = experts.biases.find(projection);
      const bool biased = biases != experts.biases.end();
      if (!fused || projection == family::kDown) {
        Put(projection, weights, biased ? &biases->second : nullptr);
      }
    }
    if (fused) PutFused(experts);
    return std::move(out_);
  }

 private:
  void PutFused(const LayerExperts& experts) {
    const std::string gate(family::kGate);
    const std::string up(family::kUp);
    const bool in_turn = table_.fused == family::FusedForm::kInterleaved;
    const auto weights = JoinedEach(experts.weights.at(gate), experts.weights.at(up), in_turn);
    if (experts.biases.empty()) return Put(std::string(family::kGateUp), weights, nullptr);
    const auto biases = JoinedEach(experts.biases.at(gate), experts.biases.at(up), in_turn);
    Put(std::string(family::kGateUp), weights, &biases);
  }

  void Put(const std::string& projection, const std::vector<SeededTensor>& weights,
           const std::vector<SeededTensor>* biases) {
    std::string spelled = projection;
    for (const family::ProjectionAlias& alias : table_.aliases) {
      if (layout_.aliases && alias.stored == projection) spelled = alias.source;
    }
    if (layout_.form == ExpertForm::kPerExpert) {
      for (size_t e = 0; e < weights.size(); ++e) {
        const std::string name = StrCat(group_, e, ".", spelled);
        Add(weights[e], StrCat(name, kWeight), true, e);
        if (biases != nullptr) Add((*biases)[e], name + ".bias", false, e);
      }
      return;
    }
    const SeededTensor stack = StackOf(weights);
    const bool turned = layout_.bare && table_.fused == family::FusedForm::kInterleaved;
    const std::string name = group_ + spelled;
    Add(turned ? Turned(stack) : stack, layout_.bare ? name : StrCat(name, kWeight), true, {});
    if (biases != nullptr) {
      Add(StackOf(*biases), name + (layout_.bare ? "_bias" : ".bias"), false, {});
    }
  }

  void Add(SeededTensor tensor, std::string name, bool weight, std::optional<size_t> expert) {
    tensor.name = std::move(name);
    out_.push_back({std::move(tensor), weight, expert});
  }

  const family::ExpertTable& table_;
  const ExpertLayout& layout_;
  std::string group_;
  std::vector<LaidTensor> out_;
};

}  // namespace

SplitCheckpoint SplitExperts(const family::ExpertTable& table,
                             const std::vector<SeededTensor>& tensors) {
  SplitCheckpoint result;
  for (const SeededTensor& tensor : tensors) {
    const auto parsed = family::ParseExpertName(table, tensor.name);
    if (!parsed.ok()) throw std::runtime_error(std::string(parsed.status().message()));
    if (!*parsed) {
      result.rest.push_back(tensor);
      continue;
    }
    const family::ExpertName& name = **parsed;
    LayerExperts& layer = result.layers[std::string(name.layer)];
    if (!name.expert) {
      TakeStack(table, name, tensor, layer);
      continue;
    }
    auto& each =
        (name.suffix == kWeight ? layer.weights : layer.biases)[std::string(name.projection)];
    if (each.size() <= *name.expert) each.resize(*name.expert + 1);
    each[*name.expert] = {"", tensor.shape, tensor.values};
  }
  return result;
}

std::string ExpertLayout::Describe() const {
  constexpr const char* kForms[] = {"one an expert", "stacked", "gate and up in one"};
  return StrCat(marker->source, ": ", kForms[static_cast<size_t>(form)],
                bare ? ", without .weight" : "", aliases ? ", other names" : "");
}

std::vector<ExpertLayout> LayoutsOf(const family::ExpertTable& table) {
  std::vector<ExpertLayout> all;
  for (const family::ExpertMarker& marker : table.markers) {
    for (const bool aliases : {false, true}) {
      if (aliases && table.aliases.empty()) continue;
      all.push_back({&marker, ExpertForm::kPerExpert, false, aliases});
      all.push_back({&marker, ExpertForm::kStacked, false, aliases});
      all.push_back({&marker, ExpertForm::kStacked, true, aliases});
    }
    if (table.fused == family::FusedForm::kUnknown) continue;
    all.push_back({&marker, ExpertForm::kFused, false});
    all.push_back({&marker, ExpertForm::kFused, true});
  }
  return all;
}

std::vector<LaidTensor> LayOut(const family::ExpertTable& table, const SplitCheckpoint& checkpoint,
                               const ExpertLayout& layout) {
  std::vector<LaidTensor> all;
  for (const SeededTensor& tensor : checkpoint.rest) all.push_back({tensor, false, {}});
  for (const auto& [name, experts] : checkpoint.layers) {
    Layer layer(table, layout, StrCat(name, layout.marker->source));
    for (LaidTensor& tensor : layer.Lay(experts)) all.push_back(std::move(tensor));
  }
  return all;
}

}  // namespace ingot::testing
