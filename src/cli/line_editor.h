// Reads lines that a person types at a terminal, with the keys that shells have taught everyone:
// arrows, Home, End, Ctrl-A E B F K U W L, words by Alt or Ctrl, and earlier lines by up and down.
// What is pasted is taken as it comes: a line end in it ends no input.
//
// The terminal is in raw mode only while a line is read. One thread.
#ifndef INGOT_CLI_LINE_EDITOR_H_
#define INGOT_CLI_LINE_EDITOR_H_

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::cli {

// Lines of earlier inputs, oldest first; an input may itself hold line ends.
class InputHistory {
 public:
  // Empty inputs and repetitions of the last one are not kept.
  void Add(std::string input);
  const std::vector<std::string>& inputs() const { return inputs_; }

  // One JSON string a line; what is not one is passed over.
  static InputHistory Parse(std::string_view text);
  std::string Text() const;

 private:
  static constexpr size_t kMost = 1000;
  std::vector<std::string> inputs_;
};

class LineEditor {
 public:
  enum class Outcome {
    kLine,
    kInterrupted,  // Ctrl-C, or a signal
    kEnd,          // Ctrl-D on an empty line, or no more input
  };

  // in is a terminal's descriptor, out that terminal; both outlive the editor.
  LineEditor(int in, std::FILE* out) : in_(in), out_(out) {}

  // line is what was typed, with the line ends of what was pasted. The prompt is plain ASCII.
  Outcome Read(std::string_view prompt, const InputHistory& history, std::string& line);

 private:
  struct Key;
  class RawMode;

  int ReadByte();  // negative: none
  Key ReadKey();
  Key ReadEscape();
  bool Handle(const Key& key, const InputHistory& history, Outcome& outcome);
  void Insert(std::string_view text);
  void PasteLineEnd();
  void Erase(size_t begin, size_t end);
  size_t Before(size_t at) const;  // the character in front of a place, and the one after
  size_t After(size_t at) const;
  size_t WordBefore(size_t at) const;
  size_t WordAfter(size_t at) const;
  void Recall(const InputHistory& history, int step);
  void Show();
  void LeaveLine();
  int Columns() const;

  int in_;
  std::FILE* out_;
  std::string prompt_;
  std::string above_;  // lines of this input that a paste has ended already
  std::string text_;
  size_t cursor_ = 0;    // a byte offset, at a character's beginning
  int row_ = 0;          // of the cursor, below the line's first
  size_t recalled_ = 0;  // in the history; its size: the line being typed
  std::string typed_;    // the line being typed, while an earlier one is shown
  bool pasting_ = false;
  bool raw_ = false;  // whether keys, Ctrl-C among them, come as they are
};

// Columns that a text takes on a terminal.
int DisplayWidth(std::string_view text);

}  // namespace ingot::cli

#endif  // INGOT_CLI_LINE_EDITOR_H_
