#include "family/rules.h"

#include <algorithm>

namespace ingot::family {
namespace {

bool Passes(const NameTest& test, std::string_view name) {
  switch (test.where) {
    case NameTest::Where::kContains:
      return name.find(test.text) != std::string_view::npos;
    case NameTest::Where::kEnds:
      return name.ends_with(test.text);
    case NameTest::Where::kBegins:
      return name.starts_with(test.text);
  }
  return false;
}

bool AnyPasses(std::span<const NameTest> tests, std::string_view name) {
  return std::any_of(tests.begin(), tests.end(),
                     [&](const NameTest& test) { return Passes(test, name); });
}

constexpr NameTest kNeverStacked[] = {Ends(".bias"), Ends(".scale"), Ends(".qbias")};
constexpr NameTest kStacked[] = {Contains(".experts."), Contains(".mlp.switch_mlp."),
                                 Contains(".mlp.shared_experts."),
                                 Contains(".mixer.shared_experts.")};

}  // namespace

bool Names::Match(std::string_view name) const {
  return (any.empty() || AnyPasses(any, name)) && (also.empty() || AnyPasses(also, name)) &&
         !AnyPasses(none, name);
}

bool IsStackedName(std::string_view name) {
  return !AnyPasses(kNeverStacked, name) && AnyPasses(kStacked, name);
}

}  // namespace ingot::family
