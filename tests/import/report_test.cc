#include "import/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"

namespace ingot::import {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReportTest : public ::testing::Test {
 protected:
  void Add(double relative, double cosine = 1) {
    auto weight = std::make_unique<PlannedWeight>();
    weight->name = core::StrCat("w", weights_.size());
    weight->format = quant::ParseType("int4");
    quant::QuantError error;
    error.values = 100;
    error.squared_source = 100;
    error.squared_decoded = 100;
    error.squared_error = 100 * relative * relative;
    error.product = 100 * cosine;
    error.groups = 4;
    error.zeroed_groups = 1;
    WeightReport report{.weight = weight.get(), .findings = {}};
    report.findings.error = error;
    reports_.push_back(report);
    weights_.push_back(std::move(weight));
  }

  std::vector<std::unique_ptr<PlannedWeight>> weights_;
  std::vector<WeightReport> reports_;
};

TEST_F(ReportTest, ListsTheWorstFirst) {
  Add(0.05);
  Add(0.2);
  const std::string table = ErrorTable(reports_);
  EXPECT_LT(table.find("w1"), table.find("w0"));
  EXPECT_THAT(table, HasSubstr("w1      int4  20.00 %   0.2   0        1.00000  14.0    25.00 %"));
  const core::Json json = ErrorJson(reports_);
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[0]["name"], "w0");
  EXPECT_NEAR(json[0]["relative_error"].get<double>(), 0.05, 1e-12);
  EXPECT_EQ(json[0]["zeroed_groups"], 1);
}

TEST_F(ReportTest, RemarksOnTensorsThatLostMoreThanTheOthersOfTheirType) {
  for (int i = 0; i < 6; ++i) Add(0.05);
  EXPECT_THAT(UnusualErrors(reports_), IsEmpty());
  Add(0.11);
  EXPECT_THAT(UnusualErrors(reports_),
              ElementsAre("\"w6\" lost more than usual: 11.00 % of its size, where the median of "
                          "int4 is 5.00 %"));
  Add(0.06, 0.5);
  EXPECT_THAT(UnusualErrors(reports_)[1], HasSubstr("hardly resembles its source as int4"));
}

TEST_F(ReportTest, SaysNothingOfWhatWasNotMeasured) {
  PlannedWeight weight;
  reports_.push_back({.weight = &weight, .findings = {}});
  EXPECT_THAT(ErrorJson(reports_), IsEmpty());
  EXPECT_THAT(UnusualErrors(reports_), IsEmpty());
}

}  // namespace
}  // namespace ingot::import
