// What the parser inside xgrammar calls of ours, so that its work has bounds:
// cmake/IngotXgrammar.cmake puts the calls into its loops. C++17, as xgrammar is compiled.
//
// A thread that works without a budget is not counted.
#ifndef INGOT_TEXT_GRAMMAR_PARSER_HOOKS_H_
#define INGOT_TEXT_GRAMMAR_PARSER_HOOKS_H_

#include <cstddef>

namespace ingot::text {

class ParseBudget;

// Counts work, and throws ParseBudgetSpent when there is none left to be spent. live: how many
// states the parser holds on to at once.
void SpendParserWork(size_t work, size_t live);

// How many states its rows hold together.
template <typename Rows>
size_t RowsHold(const Rows& rows) {
  if (rows.size() == 0) return 0;
  return static_cast<size_t>(rows[rows.size() - 1].end() - rows[0].begin());
}

// The budget of this thread, and the one that it is given instead for as long as the scope lives:
// work is handed to threads of xgrammar's own with the budget of whoever asked for it.
ParseBudget* CurrentParseBudget();

class ParseBudgetScope {
 public:
  explicit ParseBudgetScope(ParseBudget* budget);
  ~ParseBudgetScope();
  ParseBudgetScope(const ParseBudgetScope&) = delete;
  ParseBudgetScope& operator=(const ParseBudgetScope&) = delete;

 private:
  ParseBudget* outer_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_PARSER_HOOKS_H_
