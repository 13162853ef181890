// Columns of text as `ingot list` and `ingot show` print them: left-aligned, four spaces apart, no
// lines. A value; one thread.
#ifndef INGOT_CLI_TABLE_H_
#define INGOT_CLI_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace ingot::cli {

class Table {
 public:
  // Cells must be fit for a terminal. Rows may differ in length.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }

  // Each row a line, with `indent` spaces in front.
  std::string Render(size_t indent = 0) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ingot::cli

#endif  // INGOT_CLI_TABLE_H_
