#include "import/plan_text.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "core/strings.h"
#include "family/schedule.h"
#include "import/totals.h"

namespace ingot::import {
namespace {

using core::Json;
using core::StrCat;

constexpr size_t kMaxNameColumns = 72;

struct Row {
  std::string name;
  std::vector<uint32_t> layers;
  std::string shape;
  std::string from;
  std::string to;
  std::string how;
  std::string rule;
  uint64_t bytes = 0;
};

std::string Decimal(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

// "0-3, 7, 9": numbers in order.
std::string Ranges(const std::vector<uint32_t>& numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i;
    while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) ++end;
    if (!text.empty()) text += ",";
    text += StrCat(numbers[i]);
    if (end > i) text += StrCat("-", numbers[end]);
    i = end + 1;
  }
  return text;
}

// The name with the number of its layer as "*".
std::string WithoutLayer(std::string_view name, uint32_t layer) {
  const std::string number = StrCat(".layers.", layer, ".");
  const size_t at = name.find(number);
  if (at == std::string_view::npos) return std::string(name);
  return StrCat(name.substr(0, at), ".layers.*.", name.substr(at + number.size()));
}

std::string SourceType(const Plan& plan, const PlannedWeight& weight) {
  if (weight.rows.empty()) return "";
  const SourceWeight& source = plan.sources[weight.rows[0].weight];
  if (source.encoding == Encoding::kQuantized) return quant::Describe(source.format);
  return std::string(NameOf(plan.source.tensors[source.weight].dtype));
}

std::vector<Row> Rows(const Plan& plan) {
  std::vector<Row> rows;
  std::map<std::string, size_t> places;  // by everything but the layer and the bytes
  for (const PlannedBlob& blob : plan.blobs) {
    for (const PlannedWeight& weight : blob.weights) {
      const auto layer = family::LayerIndex(weight.name);
      Row row{.name = layer ? WithoutLayer(weight.name, *layer) : weight.name,
              .layers = {},
              .shape = ToString(weight.shape),
              .from = SourceType(plan, weight),
              .to = StoredType(weight),
              .how = weight.how,
              .rule = std::string(weight.rule),
              .bytes = 0};
      const std::string key =
          core::Join({row.name, row.shape, row.from, row.to, row.how, row.rule}, "\n");
      const auto [place, added] = places.try_emplace(key, rows.size());
      if (added) rows.push_back(std::move(row));
      rows[place->second].bytes += weight.stored_bytes;
      if (layer) rows[place->second].layers.push_back(*layer);
    }
  }
  for (Row& row : rows) std::ranges::sort(row.layers);
  return rows;
}

// Columns of text, each as wide as its widest cell; the last is not padded.
std::string Columns(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text.append(widths[i] - line[i].size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string TotalsText(const Plan& plan, int threads) {
  std::vector<std::vector<std::string>> lines = {{"TYPE", "TENSORS", "PARAMETERS", "SIZE"}};
  for (const TypeTotal& total : TotalsByType(plan)) {
    lines.push_back({total.type, StrCat(total.tensors), core::HumanCount(total.elements),
                     core::HumanBytes(total.bytes)});
  }
  std::string text = Columns(lines);
  text +=
      StrCat("\n", plan.blobs.size(), " blobs, ", core::HumanBytes(plan.stored_bytes), " from ",
             core::HumanBytes(plan.source_bytes), ", ", Decimal(BitsPerWeight(plan), 2),
             " bits per weight, about ", core::HumanDuration(ExpectedSeconds(plan, threads)), "\n");
  return text;
}

Json Dims(const tensor::Shape& shape) {
  Json dims = Json::array();
  for (uint32_t dim : shape) dims.push_back(dim);
  return dims;
}

Json WeightJson(const Plan& plan, const PlannedWeight& weight) {
  Json sources = Json::array();
  std::set<uint32_t> seen;
  for (const RowRun& run : weight.rows) {
    if (!seen.insert(run.weight).second) continue;
    const SourceWeight& source = plan.sources[run.weight];
    for (uint32_t i : {source.weight, source.scales, source.biases, source.global}) {
      if (i != kNoTensor) sources.push_back(plan.source.tensors[i].name);
    }
  }
  return {{"name", weight.name},
          {"shape", Dims(weight.shape)},
          {"type", StoredType(weight)},
          {"from", SourceType(plan, weight)},
          {"rule", weight.rule},
          {"how", weight.how},
          {"role", NameOf(weight.role)},
          {"sources", std::move(sources)},
          {"source_bytes", weight.source_bytes},
          {"stored_bytes", weight.stored_bytes}};
}

}  // namespace

std::string PlanTable(const Plan& plan, int threads) {
  std::vector<std::vector<std::string>> lines = {
      {"TENSOR", "LAYERS", "SHAPE", "FROM", "TO", "SIZE", "WHAT IS DONE", "RULE"}};
  for (const Row& row : Rows(plan)) {
    lines.push_back({core::Printable(row.name, kMaxNameColumns), Ranges(row.layers), row.shape,
                     row.from, row.to, core::HumanBytes(row.bytes), row.how, row.rule});
  }
  std::string text = Columns(lines) + "\n";
  for (const DroppedTensor& dropped : plan.dropped) {
    text += StrCat("not imported: ", core::Printable(plan.source.tensors[dropped.tensor].name),
                   " (", dropped.why, ")\n");
  }
  if (!plan.dropped.empty()) text += '\n';
  return text + TotalsText(plan, threads);
}

Json PlanJson(const Plan& plan, int threads) {
  Json blobs = Json::array();
  for (const PlannedBlob& blob : plan.blobs) {
    Json weights = Json::array();
    for (const PlannedWeight& weight : blob.weights) weights.push_back(WeightJson(plan, weight));
    blobs.push_back({{"layer", blob.layer},
                     {"bytes", blob.size},
                     {"metadata", blob.metadata},
                     {"weights", std::move(weights)}});
  }
  Json dropped = Json::array();
  for (const DroppedTensor& tensor : plan.dropped) {
    dropped.push_back({{"name", plan.source.tensors[tensor.tensor].name}, {"why", tensor.why}});
  }
  Json types = Json::object();
  for (const TypeTotal& total : TotalsByType(plan)) {
    types[total.type] = {
        {"tensors", total.tensors}, {"parameters", total.elements}, {"bytes", total.bytes}};
  }
  return {{"architecture", plan.source.facts.architecture},
          {"requested", plan.recipe.requested == family::Precision::kSource
                            ? Json(nullptr)
                            : Json(NameOf(plan.recipe.requested))},
          {"file_type", plan.file_type},
          {"blobs", std::move(blobs)},
          {"dropped", std::move(dropped)},
          {"warnings", plan.warnings},
          {"totals",
           {{"types", std::move(types)},
            {"parameters", plan.elements},
            {"source_bytes", plan.source_bytes},
            {"stored_bytes", plan.stored_bytes},
            {"bits_per_weight", BitsPerWeight(plan)},
            {"expected_seconds", ExpectedSeconds(plan, threads)}}}};
}

}  // namespace ingot::import
