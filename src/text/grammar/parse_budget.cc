#include "text/grammar/parse_budget.h"

#include <utility>

#include "core/strings.h"
#include "text/grammar/parser_hooks.h"

namespace ingot::text {
namespace {

// What a thread spends is booked in rounds of so much, or threads would wait for each other's.
constexpr size_t kRound = 4096;

thread_local ParseBudget* current = nullptr;
thread_local size_t unbooked = 0;

void Book() {
  if (current != nullptr) current->Book(std::exchange(unbooked, 0));
}

}  // namespace

void ParseBudget::Check(size_t live) {
  if (live > live_) {
    crowded_ = true;  // first, so that threads which end by the other's doing give the same reason
    Cancel();
  }
  if (spent() <= work_) return;
  if (crowded_) {
    throw ParseBudgetSpent(
        core::StrCat("it can be read in over ", live_, " ways at once, which is the limit"));
  }
  throw ParseBudgetSpent(core::StrCat("it takes over ", work_, " steps, which is the limit"));
}

void SpendParserWork(size_t work, size_t live) {
  if (current == nullptr) return;
  unbooked += work;
  if (unbooked >= kRound) Book();
  current->Check(live);
}

ParseBudget* CurrentParseBudget() { return current; }

ParseBudgetScope::ParseBudgetScope(ParseBudget* budget) {
  Book();
  outer_ = std::exchange(current, budget);
}

ParseBudgetScope::~ParseBudgetScope() {
  Book();
  current = outer_;
}

}  // namespace ingot::text
