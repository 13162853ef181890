#include "text/token/delimiters.h"

#include <string>

namespace ingot::text {

core::Result<Delimiters> DelimitersField(const Component& component, std::string_view key) {
  constexpr struct {
    std::string_view name;
    Delimiters rule;
  } kRules[] = {{"Removed", Delimiters::kRemoved},
                {"Isolated", Delimiters::kIsolated},
                {"MergedWithPrevious", Delimiters::kMergedWithPrevious},
                {"MergedWithNext", Delimiters::kMergedWithNext},
                {"Contiguous", Delimiters::kContiguous}};
  INGOT_ASSIGN(const std::string name, component.String(key));
  for (const auto& rule : kRules) {
    if (name == rule.name) return rule.rule;
  }
  return component.Fail(key, "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

}  // namespace ingot::text
