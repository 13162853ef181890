#include "import/plan.h"

#include <algorithm>
#include <set>

#include "core/strings.h"
#include "import/matrices.h"
#include "quant/declared.h"
#include "tensor/writer.h"

namespace ingot::import {
namespace {

using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;
using family::Precision;
using tensor::DType;
using tensor::Shape;

quant::Format FormatOf(Precision precision) { return *quant::ParseType(family::NameOf(precision)); }

bool IsConvertible(DType type) {
  return type == DType::kBF16 || type == DType::kF16 || type == DType::kF32 || type == DType::kF64;
}

// The type that plain floats are stored in, or given to the quantizer in.
DType PlainType(const Recipe& recipe, std::string_view name, DType source) {
  const DType type = source == DType::kF64 ? DType::kF32 : source;
  return recipe.to_bfloat16 && !family::MustStayFloat32(name) ? DType::kBF16 : type;
}

// Bytes of one source weight with everything that belongs to it.
uint64_t BytesOf(const Inventory& inventory, const SourceWeight& weight) {
  uint64_t bytes = 0;
  for (uint32_t i : {weight.weight, weight.scales, weight.biases, weight.global}) {
    if (i != kNoTensor) bytes += inventory.tensors[i].size;
  }
  return bytes;
}

class Planner {
 public:
  Planner(Inventory source, const Recipe& recipe) {
    plan_.source = std::move(source);
    plan_.recipe = recipe;
  }

  Result<Plan> Make() {
    INGOT_ASSIGN(SourceWeights found, FindWeights(plan_.source));
    plan_.sources = std::move(found.weights);
    plan_.dropped = std::move(found.dropped);
    plan_.warnings = std::move(found.warnings);
    INGOT_TRY(CheckRequest());
    INGOT_ASSIGN(const std::vector<Matrix> matrices, ArrangeMatrices(plan_.source, plan_.sources));
    std::vector<PlannedWeight> weights;
    weights.reserve(matrices.size());
    for (const Matrix& matrix : matrices) {
      INGOT_ASSIGN(PlannedWeight weight, PlanWeight(matrix));
      weights.push_back(std::move(weight));
    }
    WarnOfWhatIsMissing(weights);
    INGOT_TRY(CheckStoredNames(weights));
    INGOT_TRY(MakeBlobs(std::move(weights)));
    INGOT_ASSIGN(plan_.file_type, FileType());
    return std::move(plan_);
  }

 private:
  const Inventory& inventory() const { return plan_.source; }
  bool Requested() const { return plan_.recipe.requested != Precision::kSource; }

  Status CheckRequest() const {
    if (!Requested() || plan_.recipe.allow_requantize) return Status::Ok();
    const auto it = std::ranges::find_if(plan_.sources, [](const SourceWeight& source) {
      return source.encoding == Encoding::kQuantized;
    });
    if (it == plan_.sources.end()) return Status::Ok();
    return core::InvalidArgument(StrCat("the source is already quantized (", Quoted(it->base),
                                        " is ", quant::Describe(it->format),
                                        "): quantizing it again to ",
                                        family::NameOf(plan_.recipe.requested), " loses twice"))
        .WithHint("leave -q away to keep it as it is, or allow it with --allow-requantize");
  }

  family::Decision Ask(const Matrix& matrix, Precision requested) const {
    const std::vector<uint64_t> shape(matrix.shape.begin(), matrix.shape.end());
    const family::Family* family = inventory().family;
    return family::Decide(family == nullptr ? std::span<const family::Rule>() : family->rules,
                          inventory().facts, matrix.asked, shape, requested, plan_.recipe.draft);
  }

  Result<PlannedWeight> PlanWeight(const Matrix& matrix) {
    PlannedWeight weight;
    weight.name = plan_.recipe.prefix + matrix.name;
    if (!matrix.group.empty()) weight.group = plan_.recipe.prefix + matrix.group;
    weight.shape = matrix.shape;
    weight.rows = matrix.rows;
    weight.columns = matrix.columns;
    weight.transposed = matrix.transposed;
    weight.role = RoleOf(matrix.name);
    std::vector<std::string> steps = matrix.steps;
    const SourceWeight& like = plan_.sources[matrix.like];
    switch (like.encoding) {
      case Encoding::kPlain:
        PlanPlain(matrix, like, weight, steps);
        break;
      case Encoding::kFp8:
        PlanFp8(matrix, weight, steps);
        break;
      case Encoding::kQuantized:
        PlanQuantized(matrix, like, weight, steps);
        break;
    }
    weight.how = steps.empty() ? "copy" : core::Join(steps, ", ");
    INGOT_TRY(CheckRowLength(weight, like));
    INGOT_TRY(AddStored(like, weight));
    INGOT_ASSIGN(weight.elements, ElementCount(matrix.shape));
    for (const RowRun& run : matrix.rows) {
      const SourceWeight& source = plan_.sources[run.weight];
      INGOT_ASSIGN(const uint64_t elements, ElementCount(source.shape));
      const uint64_t rows = matrix.columns == 0 ? 0 : elements / matrix.columns;
      const uint64_t bytes = BytesOf(inventory(), source);
      weight.source_bytes +=
          rows == 0
              ? bytes
              : static_cast<uint64_t>(static_cast<unsigned __int128>(bytes) * run.count / rows);
    }
    return weight;
  }

  // Rows that are worked on are held whole; rows that are only copied need not be.
  Status CheckRowLength(const PlannedWeight& weight, const SourceWeight& like) const {
    const bool whole = weight.format || like.encoding != Encoding::kPlain || weight.transposed ||
                       weight.rows[0].step != 1;
    if (!whole || weight.columns <= kMaxRowLength) return Status::Ok();
    return core::Unsupported(StrCat("the rows of ", Quoted(weight.name), " hold ", weight.columns,
                                    " values; at most ", kMaxRowLength, " can be worked on"));
  }

  family::Role RoleOf(std::string_view name) const {
    const family::Family* family = inventory().family;
    if (family == nullptr) return family::Role::kOther;
    const auto match = family::MatchTensor(family->tensors, name);
    return match ? family->tensors[match->row].role : family::Role::kOther;
  }

  void PlanPlain(const Matrix& matrix, const SourceWeight& like, PlannedWeight& weight,
                 std::vector<std::string>& steps) const {
    const DType source = inventory().tensors[like.weight].dtype;
    weight.through = source;
    if (!IsConvertible(source)) {
      weight.rule = "not a float";
      return;
    }
    weight.through = PlainType(plan_.recipe, matrix.name, source);
    const family::Decision decision = Ask(matrix, plan_.recipe.requested);
    weight.rule = decision.rule;
    if (decision.precision != Precision::kSource) {
      weight.format = FormatOf(decision.precision);
      weight.action = Action::kQuantize;
      steps.emplace_back("quantize");
    } else if (weight.through != source) {
      weight.action = Action::kConvert;
      steps.push_back(StrCat(NameOf(source), " to ", NameOf(weight.through)));
    }
  }

  void PlanFp8(const Matrix& matrix, PlannedWeight& weight, std::vector<std::string>& steps) const {
    weight.through = DType::kBF16;
    weight.action = Action::kConvert;
    steps.emplace_back("decode 8-bit floats");
    Precision requested = plan_.recipe.requested;
    if (!Requested() && !plan_.recipe.to_bfloat16) requested = Precision::kMxfp8;
    const family::Decision decision = Ask(matrix, requested);
    weight.rule = decision.rule;
    if (decision.precision == Precision::kSource) return;
    weight.format = FormatOf(decision.precision);
    weight.action = Action::kQuantize;
    steps.emplace_back("quantize");
  }

  void PlanQuantized(const Matrix& matrix, const SourceWeight& like, PlannedWeight& weight,
                     std::vector<std::string>& steps) const {
    const DType scales = inventory().tensors[like.scales].dtype;
    const bool affine = like.format.mode == quant::Mode::kAffine;
    weight.through = affine ? scales : DType::kBF16;
    weight.format = like.format;
    weight.rule = "quantized in the source";
    const family::Decision decision = Ask(matrix, plan_.recipe.requested);
    if (Requested()) weight.rule = decision.rule;
    if (decision.precision == Precision::kSource || FormatOf(decision.precision) == like.format) {
      return;
    }
    weight.format = FormatOf(decision.precision);
    weight.action = Action::kQuantize;
    if (plan_.recipe.to_bfloat16) weight.through = DType::kBF16;
    steps.push_back(StrCat("decode ", quant::TypeName(like.format)));
    steps.emplace_back("quantize");
  }

  static Result<StoredTensor> Stored(std::string name, DType dtype, const Shape& shape) {
    StoredTensor stored{.name = std::move(name), .dtype = dtype, .shape = shape};
    INGOT_ASSIGN(stored.size, ByteSize(dtype, shape));
    return stored;
  }

  Status AddStored(const SourceWeight& like, PlannedWeight& weight) const {
    const auto add = [&](std::string_view suffix, DType dtype, const Shape& shape) -> Status {
      INGOT_ASSIGN(StoredTensor stored, Stored(StrCat(weight.name, suffix), dtype, shape));
      weight.stored_bytes += stored.size;
      weight.stored.push_back(std::move(stored));
      return Status::Ok();
    };
    if (!weight.format) return add("", weight.through, weight.shape);
    const quant::ModeInfo& mode = quant::InfoOf(weight.format->mode);
    const uint64_t columns = weight.shape.back();
    std::vector<uint64_t> dims(weight.shape.begin(), weight.shape.end());
    dims.back() = quant::PackedWords(*weight.format, columns);
    INGOT_ASSIGN(const Shape codes, Shape::Make(dims));
    dims.back() = quant::GroupsInRow(*weight.format, columns);
    INGOT_ASSIGN(const Shape groups, Shape::Make(dims));
    const DType scales = mode.scales == quant::ScaleKind::kFloat ? weight.through : DType::kU8;
    INGOT_TRY(add("", DType::kU32, codes));
    if (mode.has_biases) INGOT_TRY(add(".bias", scales, groups));
    if (weight.action == Action::kCopy && like.global != kNoTensor) {
      const uint64_t count[] = {weight.shape.rank() == 3 ? weight.shape[0] : 1};
      INGOT_ASSIGN(const Shape global, Shape::Make(count));
      INGOT_TRY(add(".global_scale", DType::kF32, global));
    }
    return add(".scale", scales, groups);
  }

  Status CheckStoredNames(const std::vector<PlannedWeight>& weights) const {
    std::set<std::string_view> names;
    for (const PlannedWeight& weight : weights) {
      for (const StoredTensor& stored : weight.stored) {
        if (names.insert(stored.name).second) continue;
        return core::Corrupt(StrCat("two tensors would both become ", Quoted(stored.name),
                                    ", one of them as part of ", Quoted(weight.name)));
      }
    }
    return Status::Ok();
  }

  // One blob a weight, except experts of one group that are all in the same format.
  Status MakeBlobs(std::vector<PlannedWeight> weights) {
    std::map<std::string, std::vector<PlannedWeight>> groups;
    for (PlannedWeight& weight : weights) {
      if (!weight.group.empty()) {
        groups[weight.group].push_back(std::move(weight));
        continue;
      }
      std::string layer = weight.name;
      INGOT_TRY(AddBlob(std::move(layer), {std::move(weight)}));
    }
    std::map<std::string, std::vector<PlannedWeight>> experts;  // by layer name
    for (auto& [group, members] : groups) {
      const bool uniform = std::ranges::all_of(
          members, [&](const PlannedWeight& m) { return m.format == members[0].format; });
      if (uniform) {
        experts[group] = std::move(members);
        continue;
      }
      for (PlannedWeight& member : members) {
        std::string layer = member.name;
        experts[std::move(layer)].push_back(std::move(member));
      }
    }
    for (auto& [layer, members] : experts) INGOT_TRY(AddBlob(layer, std::move(members)));
    return Status::Ok();
  }

  Status AddBlob(std::string layer, std::vector<PlannedWeight> weights) {
    PlannedBlob blob;
    blob.layer = std::move(layer);
    blob.weights = std::move(weights);
    if (const auto& format = blob.weights[0].format) {
      blob.metadata["quant_type"] = quant::TypeName(*format);
      blob.metadata["group_size"] = StrCat(uint64_t{format->group_size});
    }
    std::vector<tensor::TensorSpec> specs;
    for (const PlannedWeight& weight : blob.weights) {
      for (const StoredTensor& stored : weight.stored) {
        specs.push_back({stored.name, stored.dtype, stored.shape});
      }
      plan_.elements += weight.elements;
      plan_.source_bytes += weight.source_bytes;
    }
    INGOT_ASSIGN(const auto file, tensor::SafetensorsPlan::Make(std::move(specs), blob.metadata));
    blob.size = file.file_size();
    plan_.stored_bytes += blob.size;
    plan_.blobs.push_back(std::move(blob));
    return Status::Ok();
  }

  void WarnOfWhatIsMissing(const std::vector<PlannedWeight>& weights) {
    const Inventory& source = inventory();
    if (!source.unindexed.empty()) {
      plan_.warnings.push_back(StrCat(source.unindexed.size(), " tensors that the index leaves out",
                                      " are not imported, for example ",
                                      Quoted(source.unindexed[0])));
    }
    if (source.family == nullptr) {
      plan_.warnings.push_back(StrCat("the architecture ", Quoted(source.facts.architecture),
                                      " is not known: its tensors are imported by the general",
                                      " rules, and the model cannot be run yet"));
      return;
    }
    std::vector<std::string_view> names;
    for (const PlannedWeight& weight : weights) {
      names.push_back(std::string_view(weight.name).substr(plan_.recipe.prefix.size()));
    }
    const family::Missing missing =
        family::FindMissing(source.family->tensors, names, source.facts.layers, 3);
    if (missing.count == 0) return;
    std::string list = core::Join(missing.names, ", ");
    if (missing.count > missing.names.size()) list += ", …";
    plan_.warnings.push_back(StrCat("the model cannot be run: ", missing.count,
                                    missing.count == 1 ? " tensor is" : " tensors are",
                                    " missing that config.json asks for: ", list));
  }

  // The type asked for, else the one that config.json declares for all modules, else that of the
  // most values.
  Result<std::string> FileType() const {
    if (Requested()) return std::string(family::NameOf(plan_.recipe.requested));
    std::map<std::string_view, uint64_t> types;
    for (const PlannedBlob& blob : plan_.blobs) {
      for (const PlannedWeight& weight : blob.weights) {
        if (weight.format) types[quant::TypeName(*weight.format)] += weight.elements;
      }
    }
    if (types.empty()) return std::string();
    INGOT_ASSIGN(const auto declared, quant::DeclaredQuantization::Parse(inventory().config));
    if (const auto& global = declared.global(); global && global->format) {
      const auto it = types.find(quant::TypeName(*global->format));
      if (it != types.end()) return std::string(it->first);
    }
    return std::string(
        std::ranges::max_element(types, {}, [](const auto& type) { return type.second; })->first);
  }

  Plan plan_;
};

}  // namespace

Result<Precision> ParseRequestedType(std::string_view text) {
  if (core::Trim(text).empty()) return Precision::kSource;
  if (const auto format = quant::ParseType(text)) {
    for (size_t i = 1; i < family::kPrecisionCount; ++i) {
      const auto precision = static_cast<Precision>(i);
      if (FormatOf(precision) == *format) return precision;
    }
  }
  return core::InvalidArgument(StrCat("no type to import to is called ", Quoted(text, 60),
                                      "; there are ", quant::ImportableTypeNames()));
}

Result<Plan> MakePlan(Inventory source, const Recipe& recipe) {
  return Planner(std::move(source), recipe).Make();
}

std::string StoredType(const PlannedWeight& weight) {
  if (!weight.format) return std::string(NameOf(weight.through));
  const auto usual = quant::ParseType(quant::TypeName(*weight.format));
  if (usual && *usual == *weight.format) return std::string(quant::TypeName(*weight.format));
  return StrCat(quant::TypeName(*weight.format), "/", uint64_t{weight.format->group_size});
}

}  // namespace ingot::import
