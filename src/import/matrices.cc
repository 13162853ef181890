#include "import/matrices.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/strings.h"
#include "family/experts.h"

namespace ingot::import {
namespace {

using core::Corrupt;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;
using family::ExpertName;
using family::FusedForm;
using tensor::Shape;

// One projection of one layer's experts, as the source has it.
struct Member {
  std::optional<uint32_t> expert;  // nullopt: all of them in one tensor
  uint32_t source = 0;
};
struct Projection {
  ExpertName name;
  bool bias = false;
  std::vector<Member> members;
};

// The name of an expert tensor without what says that it is a weight or a bias.
struct Placed {
  ExpertName name;
  bool bias = false;
};

// nullopt for a tensor that stays where it is.
Result<std::optional<Placed>> Place(const Inventory& inventory, const SourceWeight& source) {
  INGOT_ASSIGN(const auto name, family::ParseExpertName(inventory.experts(), source.base));
  if (!name) return std::optional<Placed>();
  if (name->suffix.empty()) return std::optional(Placed{*name, false});
  const bool bias = name->suffix == ".bias" || name->suffix == "_bias";
  if (bias && source.encoding == Encoding::kPlain) return std::optional(Placed{*name, true});
  return std::optional<Placed>();
}

// Values in a row, and rows, of a tensor of any rank.
uint64_t ColumnsOf(const Shape& shape) { return shape.rank() == 0 ? 1 : shape.back(); }
uint64_t RowsOf(const Shape& shape) {
  uint64_t rows = 1;
  for (size_t axis = 0; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
  return rows;
}

std::string Show(const Inventory& inventory, const SourceWeight& source) {
  const SourceTensor& tensor = inventory.tensors[source.weight];
  return StrCat(Quoted(tensor.name), " ", NameOf(tensor.dtype), " ", ToString(tensor.shape));
}

class Arranger {
 public:
  Arranger(const Inventory& inventory, const std::vector<SourceWeight>& sources)
      : inventory_(inventory), sources_(sources), table_(inventory.experts()) {}

  Result<std::vector<Matrix>> Arrange() {
    for (uint32_t i = 0; i < sources_.size(); ++i) {
      INGOT_ASSIGN(const auto placed, Place(inventory_, sources_[i]));
      if (!placed || KeepsItsName(*placed)) {
        AddPlain(i);
        continue;
      }
      const std::string key =
          StrCat(placed->name.Stored(placed->name.projection), placed->bias ? ".bias" : ".weight");
      Projection& projection = projections_[key];
      projection.name = placed->name;
      projection.bias = placed->bias;
      projection.members.push_back({placed->name.expert, i});
    }
    for (auto& [key, projection] : projections_) INGOT_TRY(AddProjection(projection));
    if (table_.joined) JoinGatesAndUps();
    std::ranges::sort(matrices_, {}, &Matrix::name);
    INGOT_TRY(CheckNames());
    INGOT_TRY(CheckGroups());
    return std::move(matrices_);
  }

 private:
  // Gate and up in one tensor, and nothing says along which axis.
  bool KeepsItsName(const Placed& placed) const {
    return placed.name.projection == family::kGateUp && table_.fused == FusedForm::kUnknown;
  }

  void AddPlain(uint32_t i) {
    const SourceWeight& source = sources_[i];
    Matrix matrix;
    matrix.name =
        source.encoding == Encoding::kPlain ? source.Name() : StrCat(source.base, ".weight");
    matrix.asked = matrix.name;
    matrix.shape = source.shape;
    matrix.columns = ColumnsOf(source.shape);
    matrix.rows = {{.weight = i, .first = 0, .step = 1, .count = RowsOf(source.shape)}};
    if (BitsOf(inventory_.tensors[source.weight].dtype) < 8) {  // rows may end within a byte
      matrix.columns *= matrix.rows[0].count;
      matrix.rows[0].count = 1;
    }
    matrix.like = i;
    matrices_.push_back(std::move(matrix));
  }

  Status AddProjection(Projection& projection) {
    std::vector<Member>& members = projection.members;
    std::ranges::sort(members, {}, [](const Member& m) { return m.expert.value_or(0); });
    Matrix matrix;
    matrix.like = members[0].source;
    if (!members[0].expert && members.size() == 1) {
      INGOT_TRY(StartFromStack(projection, matrix));
    } else {
      INGOT_TRY(CheckMembers(projection));
      INGOT_TRY(StartFromExperts(projection, matrix));
    }
    INGOT_TRY(CheckCount(projection, matrix.shape[0]));
    if (projection.name.projection == family::kGateUp && !table_.joined) {
      return AddHalves(projection, std::move(matrix));
    }
    Name(projection, projection.name.projection, matrix);
    matrices_.push_back(std::move(matrix));
    return Status::Ok();
  }

  void Name(const Projection& from, std::string_view projection, Matrix& matrix) const {
    matrix.name = StrCat(from.name.Stored(projection), from.bias ? ".bias" : ".weight");
    matrix.asked = from.name.Asked(projection);
    if (from.bias) matrix.asked.replace(matrix.asked.size() - 7, 7, ".bias");
    if (!from.bias) matrix.group = from.name.Group();
  }

  Status StartFromStack(const Projection& projection, Matrix& matrix) const {
    const SourceWeight& source = sources_[matrix.like];
    const size_t expected = projection.bias ? 2 : 3;
    if (source.shape.rank() != expected) {
      return Corrupt(StrCat("the experts' tensor ", Show(inventory_, source), " must have ",
                            expected, " dimensions"));
    }
    matrix.shape = source.shape;
    // Used as x · W, and not packed: the other way round than all others.
    matrix.transposed = table_.fused == FusedForm::kInterleaved && !projection.bias &&
                        source.encoding == Encoding::kPlain && source.tail.empty();
    if (matrix.transposed) {
      const uint64_t dims[] = {source.shape[0], source.shape[2], source.shape[1]};
      INGOT_ASSIGN(matrix.shape, Shape::Make(dims));
      matrix.steps.emplace_back("transpose");
    }
    matrix.columns = ColumnsOf(matrix.shape);
    matrix.rows = {{.weight = matrix.like, .first = 0, .step = 1, .count = RowsOf(matrix.shape)}};
    return Status::Ok();
  }

  // Every expert once, from 0 on, all alike.
  Status CheckMembers(const Projection& projection) const {
    const std::vector<Member>& members = projection.members;
    const SourceWeight& first = sources_[members[0].source];
    for (size_t i = 0; i < members.size(); ++i) {
      const Member& member = members[i];
      const SourceWeight& source = sources_[member.source];
      if (!member.expert || (i > 0 && *members[i - 1].expert == *member.expert)) {
        const SourceWeight& other = sources_[members[i > 0 ? i - 1 : i + 1].source];
        return Corrupt(StrCat("both ", Show(inventory_, other), " and ", Show(inventory_, source),
                              " hold the same expert"));
      }
      if (*member.expert != i) {
        return Corrupt(StrCat("expert ", i, " of ",
                              Quoted(projection.name.Asked(projection.name.projection)),
                              " is missing: ", members.size(), " experts were found, up to number ",
                              *members.back().expert));
      }
      if (!EncodedAlike(inventory_, first, source)) {
        return Corrupt(StrCat("experts unlike each other: ", Show(inventory_, first), " and ",
                              Show(inventory_, source), SideBySide(first, source)));
      }
    }
    return Status::Ok();
  }

  // What differs where types and shapes of the main tensors do not.
  std::string SideBySide(const SourceWeight& a, const SourceWeight& b) const {
    if (a.scales == kNoTensor || b.scales == kNoTensor) return "";
    return StrCat(", scales ", ToString(inventory_.tensors[a.scales].shape), " and ",
                  ToString(inventory_.tensors[b.scales].shape));
  }

  Status StartFromExperts(const Projection& projection, Matrix& matrix) const {
    const SourceWeight& first = sources_[matrix.like];
    const size_t expected = projection.bias ? 1 : 2;
    if (first.shape.rank() != expected) {
      return Corrupt(StrCat("the expert's tensor ", Show(inventory_, first), " must have ",
                            expected, expected == 1 ? " dimension" : " dimensions"));
    }
    std::vector<uint64_t> dims = {projection.members.size()};
    dims.insert(dims.end(), first.shape.begin(), first.shape.end());
    INGOT_ASSIGN(matrix.shape, Shape::Make(dims));
    matrix.columns = ColumnsOf(matrix.shape);
    for (const Member& member : projection.members) {
      matrix.rows.push_back(
          {.weight = member.source, .first = 0, .step = 1, .count = RowsOf(first.shape)});
    }
    matrix.steps.push_back(StrCat("stack ", projection.members.size(), " experts"));
    return Status::Ok();
  }

  Status CheckCount(const Projection& projection, uint64_t found) const {
    const uint32_t declared = inventory_.facts.experts;
    if (declared == 0 || declared == found) return Status::Ok();
    return Corrupt(StrCat("config.json says ", declared, " experts, but ",
                          Quoted(projection.name.Asked(projection.name.projection)), " has ",
                          found));
  }

  // Gate and up of a fused tensor. Its rows hold the gate's and then the up's, or both in turns.
  Status AddHalves(const Projection& projection, Matrix fused) {
    const bool turns = table_.fused == FusedForm::kInterleaved;
    const uint64_t both = fused.shape[1];
    if (both % 2 != 0) {
      return Corrupt(StrCat("the tensor ", Show(inventory_, sources_[fused.like]),
                            " holds gate and up and must have an even number of rows an expert"));
    }
    const uint64_t half = both / 2;
    std::vector<uint64_t> dims(fused.shape.begin(), fused.shape.end());
    dims[1] = half;
    fused.steps.emplace_back(turns ? "take gate and up apart" : "split gate and up");
    if (projection.bias) {  // each value is a row of its own
      for (RowRun& run : fused.rows) {
        run.first *= both;
        run.count *= both;
      }
      fused.columns = 1;
    }
    for (const bool up : {false, true}) {
      Matrix matrix = fused;
      INGOT_ASSIGN(matrix.shape, Shape::Make(dims));
      matrix.rows.clear();
      for (const RowRun& run : SlabsOf(fused, both)) {
        const uint64_t first = turns ? (up ? 1 : 0) : (up ? half : 0);
        matrix.rows.push_back({.weight = run.weight,
                               .first = run.first + first,
                               .step = turns ? uint64_t{2} : uint64_t{1},
                               .count = half});
      }
      Name(projection, up ? family::kUp : family::kGate, matrix);
      matrices_.push_back(std::move(matrix));
    }
    return Status::Ok();
  }

  // One run a slab of `rows` rows.
  static std::vector<RowRun> SlabsOf(const Matrix& matrix, uint64_t rows) {
    std::vector<RowRun> slabs;
    for (const RowRun& run : matrix.rows) {
      for (uint64_t first = 0; first < run.count; first += rows) {
        slabs.push_back(
            {.weight = run.weight, .first = run.first + first, .step = 1, .count = rows});
      }
    }
    return slabs;
  }

  // Gate over up in one tensor, wherever both are encoded alike. Global scales keep them apart: one
  // tensor has one a slab.
  void JoinGatesAndUps() {
    std::map<std::string, size_t, std::less<>> by_name;
    for (size_t i = 0; i < matrices_.size(); ++i) by_name[matrices_[i].name] = i;
    std::vector<bool> joined(matrices_.size());
    std::vector<Matrix> results;
    for (const auto& [key, projection] : projections_) {
      if (projection.name.projection != family::kGate || projection.bias) continue;
      const auto gate = by_name.find(key);
      const auto up = by_name.find(StrCat(projection.name.Stored(family::kUp), ".weight"));
      if (gate == by_name.end() || up == by_name.end()) continue;
      auto result = Join(projection, matrices_[gate->second], matrices_[up->second]);
      if (!result) continue;
      joined[gate->second] = joined[up->second] = true;
      results.push_back(*std::move(result));
    }
    std::vector<Matrix> kept;
    for (size_t i = 0; i < matrices_.size(); ++i) {
      if (!joined[i]) kept.push_back(std::move(matrices_[i]));
    }
    std::ranges::move(results, std::back_inserter(kept));
    matrices_ = std::move(kept);
  }

  std::optional<Matrix> Join(const Projection& projection, const Matrix& gate, const Matrix& up) {
    const SourceWeight& a = sources_[gate.like];
    if (!EncodedAlike(inventory_, a, sources_[up.like]) || a.global != kNoTensor ||
        gate.shape != up.shape) {
      return std::nullopt;
    }
    Matrix matrix = gate;
    std::vector<uint64_t> dims(gate.shape.begin(), gate.shape.end());
    dims[1] *= 2;
    const auto shape = Shape::Make(dims);
    if (!shape.ok()) return std::nullopt;
    matrix.shape = *shape;
    matrix.rows.clear();
    const std::vector<RowRun> gates = SlabsOf(gate, gate.shape[1]);
    const std::vector<RowRun> ups = SlabsOf(up, up.shape[1]);
    for (size_t i = 0; i < gates.size(); ++i) {
      matrix.rows.push_back(gates[i]);
      matrix.rows.push_back(ups[i]);
    }
    matrix.steps.emplace_back("join gate and up");
    Name(projection, family::kGateUp, matrix);
    return matrix;
  }

  Status CheckNames() const {
    for (size_t i = 1; i < matrices_.size(); ++i) {
      if (matrices_[i].name != matrices_[i - 1].name) continue;
      return Corrupt(StrCat("two tensors would both become ", Quoted(matrices_[i].name), ": ",
                            Show(inventory_, sources_[matrices_[i - 1].like]), " and ",
                            Show(inventory_, sources_[matrices_[i].like])));
    }
    return Status::Ok();
  }

  // Projections of one group must fit each other: [E, I, H] in, [E, H, I] out.
  Status CheckGroups() const {
    std::map<std::string_view, const Matrix*> down;
    for (const Matrix& matrix : matrices_) {
      if (!matrix.group.empty() && matrix.name.ends_with(StrCat(family::kDown, ".weight"))) {
        down[matrix.group] = &matrix;
      }
    }
    for (const Matrix& matrix : matrices_) {
      if (matrix.group.empty()) continue;
      const auto it = down.find(matrix.group);
      if (it == down.end() || it->second == &matrix) continue;
      const Shape& in = matrix.shape;
      const Shape& out = it->second->shape;
      const bool joined = matrix.name.ends_with(StrCat(family::kGateUp, ".weight"));
      const bool known = joined || matrix.name.ends_with(StrCat(family::kUp, ".weight")) ||
                         matrix.name.ends_with(StrCat(family::kGate, ".weight"));
      if (!known) continue;
      if (in[0] == out[0] && in[2] == out[1] && in[1] == out[2] * (joined ? 2 : 1)) continue;
      return Corrupt(StrCat("the experts of ", Quoted(matrix.group),
                            " do not fit each other: ", Quoted(matrix.name), " is ", ToString(in),
                            ", ", Quoted(it->second->name), " is ", ToString(out)));
    }
    return Status::Ok();
  }

  const Inventory& inventory_;
  const std::vector<SourceWeight>& sources_;
  const family::ExpertTable& table_;
  std::map<std::string, Projection, std::less<>> projections_;
  std::vector<Matrix> matrices_;
};

}  // namespace

bool EncodedAlike(const Inventory& inventory, const SourceWeight& a, const SourceWeight& b) {
  const auto alike = [&](uint32_t i, uint32_t j, bool shapes) {
    if (i == kNoTensor || j == kNoTensor) return i == j;
    const SourceTensor& s = inventory.tensors[i];
    const SourceTensor& t = inventory.tensors[j];
    return s.dtype == t.dtype && (!shapes || s.shape == t.shape);
  };
  return a.encoding == b.encoding && a.format == b.format && a.fp8_scales == b.fp8_scales &&
         a.global_kind == b.global_kind && a.shape == b.shape && alike(a.weight, b.weight, true) &&
         alike(a.scales, b.scales, true) && alike(a.biases, b.biases, true) &&
         alike(a.global, b.global, false);
}

Result<std::vector<Matrix>> ArrangeMatrices(const Inventory& inventory,
                                            const std::vector<SourceWeight>& sources) {
  return Arranger(inventory, sources).Arrange();
}

}  // namespace ingot::import
