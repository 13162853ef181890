#include "import/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "core/strings.h"

namespace ingot::import {
namespace {

using core::Json;
using core::StrCat;

// More than usual: this many times the median of the type, among at least so many tensors.
constexpr double kFactor = 2.0;
constexpr size_t kLeastForAMedian = 5;
// Below this a tensor points elsewhere than its source, whatever its type.
constexpr double kLeastCosine = 0.95;
constexpr size_t kMaxNameColumns = 72;

// The root mean square of the error over that of the source: 0 for nothing lost.
double RelativeError(const quant::QuantError& error) {
  if (error.squared_error == 0) return 0;
  return error.squared_source == 0 ? INFINITY
                                   : std::sqrt(error.squared_error / error.squared_source);
}

std::vector<const WeightReport*> Measured(const std::vector<WeightReport>& reports) {
  std::vector<const WeightReport*> measured;
  for (const WeightReport& report : reports) {
    if (report.findings.error) measured.push_back(&report);
  }
  return measured;
}

std::map<std::string, double> MedianByType(const std::vector<const WeightReport*>& reports) {
  std::map<std::string, std::vector<double>> errors;
  for (const WeightReport* report : reports) {
    errors[StoredType(*report->weight)].push_back(RelativeError(*report->findings.error));
  }
  std::map<std::string, double> medians;
  for (auto& [type, values] : errors) {
    if (values.size() < kLeastForAMedian) continue;
    const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    medians[type] = *middle;
  }
  return medians;
}

std::string Significant(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}
std::string Decimals(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

// JSON has no infinity: what lost nothing has no ratio of signal to noise.
Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::string ErrorTable(const std::vector<WeightReport>& reports) {
  std::vector<const WeightReport*> measured = Measured(reports);
  std::ranges::stable_sort(measured, std::ranges::greater(), [](const WeightReport* report) {
    return RelativeError(*report->findings.error);
  });
  std::vector<std::vector<std::string>> lines = {
      {"TENSOR", "TYPE", "RELATIVE", "RMS", "LARGEST", "COSINE", "SNR dB", "ZEROED GROUPS"}};
  for (const WeightReport* report : measured) {
    const quant::QuantError& error = *report->findings.error;
    lines.push_back(
        {core::Printable(report->weight->name, kMaxNameColumns), StoredType(*report->weight),
         StrCat(Decimals(100 * RelativeError(error), 2), " %"), Significant(error.RmsError()),
         Significant(error.max_error), Decimals(error.Cosine(), 5), Decimals(error.SnrDb(), 1),
         StrCat(Decimals(100 * error.ZeroedShare(), 2), " %")});
  }
  std::vector<size_t> widths(lines[0].size());
  for (const auto& line : lines) {
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

Json ErrorJson(const std::vector<WeightReport>& reports) {
  Json list = Json::array();
  for (const WeightReport* report : Measured(reports)) {
    const quant::QuantError& error = *report->findings.error;
    list.push_back({{"name", report->weight->name},
                    {"type", StoredType(*report->weight)},
                    {"rule", report->weight->rule},
                    {"values", error.values},
                    {"relative_error", NumberOrNull(RelativeError(error))},
                    {"rms_error", error.RmsError()},
                    {"max_error", error.max_error},
                    {"cosine", NumberOrNull(error.Cosine())},
                    {"snr_db", NumberOrNull(error.SnrDb())},
                    {"zeroed_groups", error.zeroed_groups},
                    {"groups", error.groups}});
  }
  return list;
}

std::vector<std::string> UnusualErrors(const std::vector<WeightReport>& reports) {
  const std::vector<const WeightReport*> measured = Measured(reports);
  const std::map<std::string, double> medians = MedianByType(measured);
  std::vector<std::string> remarks;
  for (const WeightReport* report : measured) {
    const quant::QuantError& error = *report->findings.error;
    const std::string type = StoredType(*report->weight);
    const std::string name = core::Quoted(report->weight->name);
    const double relative = RelativeError(error);
    const auto median = medians.find(type);
    if (error.Cosine() < kLeastCosine) {
      remarks.push_back(StrCat(name, " hardly resembles its source as ", type, ": cosine ",
                               Decimals(error.Cosine(), 3)));
    } else if (median != medians.end() && relative > kFactor * median->second) {
      remarks.push_back(StrCat(name, " lost more than usual: ", Decimals(100 * relative, 2),
                               " % of its size, where the median of ", type, " is ",
                               Decimals(100 * median->second, 2), " %"));
    }
  }
  return remarks;
}

}  // namespace ingot::import
