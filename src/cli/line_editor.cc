#include "cli/line_editor.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "core/interrupt.h"
#include "core/json.h"
#include "core/strings.h"

namespace ingot::cli {
namespace {

enum class Code {
  kText,
  kEnter,
  kBackspace,
  kDelete,
  kLeft,
  kRight,
  kWordLeft,
  kWordRight,
  kHome,
  kEndOfLine,
  kUp,
  kDown,
  kKillRest,
  kKillLine,
  kKillWord,
  kClear,
  kInterrupt,
  kEndOfInput,
  kNoMoreInput,
  kSuspend,
  kPasteBegins,
  kPasteEnds,
  kNothing,
};

constexpr unsigned char kEscape = 0x1B;
// Instead of a byte.
constexpr int kNoMore = -1;
constexpr int kSignal = -2;

Code WithoutByte(int byte) { return byte == kSignal ? Code::kInterrupt : Code::kNoMoreInput; }

struct ByteKey {
  int byte;
  Code code;
};
constexpr std::array<ByteKey, 18> kByteKeys = {{
    {'A' - 64, Code::kHome},
    {'B' - 64, Code::kLeft},
    {'C' - 64, Code::kInterrupt},
    {'D' - 64, Code::kEndOfInput},
    {'E' - 64, Code::kEndOfLine},
    {'F' - 64, Code::kRight},
    {'H' - 64, Code::kBackspace},
    {'J' - 64, Code::kEnter},
    {'K' - 64, Code::kKillRest},
    {'L' - 64, Code::kClear},
    {'M' - 64, Code::kEnter},
    {'N' - 64, Code::kDown},
    {'P' - 64, Code::kUp},
    {'U' - 64, Code::kKillLine},
    {'W' - 64, Code::kKillWord},
    {'Z' - 64, Code::kSuspend},
    {0x7F, Code::kBackspace},
    {'I' - 64, Code::kText},
}};

// What follows ESC: "[A", "OA", "b".
struct SequenceKey {
  std::string_view sequence;
  Code code;
};
constexpr std::array<SequenceKey, 27> kSequenceKeys = {{
    {"[A", Code::kUp},           {"[B", Code::kDown},         {"[C", Code::kRight},
    {"[D", Code::kLeft},         {"[H", Code::kHome},         {"[F", Code::kEndOfLine},
    {"OA", Code::kUp},           {"OB", Code::kDown},         {"OC", Code::kRight},
    {"OD", Code::kLeft},         {"OH", Code::kHome},         {"OF", Code::kEndOfLine},
    {"[1~", Code::kHome},        {"[4~", Code::kEndOfLine},   {"[7~", Code::kHome},
    {"[8~", Code::kEndOfLine},   {"[3~", Code::kDelete},      {"[1;5C", Code::kWordRight},
    {"[1;5D", Code::kWordLeft},  {"[1;3C", Code::kWordRight}, {"[1;3D", Code::kWordLeft},
    {"b", Code::kWordLeft},      {"f", Code::kWordRight},     {"[200~", Code::kPasteBegins},
    {"[201~", Code::kPasteEnds}, {"\x7F", Code::kKillWord},   {"d", Code::kNothing},
}};

// Code points that take no column, and those that take two, as far as it matters for a prompt.
struct Range {
  uint32_t first;
  uint32_t last;
};
constexpr std::array<Range, 6> kNarrow = {{{0x300, 0x36F},
                                           {0x200B, 0x200F},
                                           {0x20D0, 0x20FF},
                                           {0xFE00, 0xFE0F},
                                           {0xFE20, 0xFE2F},
                                           {0xE0100, 0xE01EF}}};
constexpr std::array<Range, 9> kWide = {{{0x1100, 0x115F},
                                         {0x2E80, 0x303E},
                                         {0x3041, 0xA4CF},
                                         {0xAC00, 0xD7A3},
                                         {0xF900, 0xFAFF},
                                         {0xFE30, 0xFE6F},
                                         {0xFF00, 0xFF60},
                                         {0x1F300, 0x1FAFF},
                                         {0x20000, 0x3FFFD}}};

template <size_t N>
bool In(const std::array<Range, N>& ranges, uint32_t point) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& r) { return point >= r.first && point <= r.last; });
}

bool Continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// The bytes of the character that begins with this one.
size_t LengthFrom(unsigned char first) {
  if (first >= 0xF0) return 4;
  if (first >= 0xE0) return 3;
  return first >= 0xC0 ? 2 : 1;
}

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

}  // namespace

struct LineEditor::Key {
  Code code = Code::kNothing;
  std::string text = {};  // for kText
};

// The terminal gives every key as it is pressed, and tells pasted text from typed.
class LineEditor::RawMode {
 public:
  explicit RawMode(LineEditor& editor) : editor_(editor) {
    const core::HeldInterrupts held;
    if (tcgetattr(editor_.in_, &saved_) != 0) return;
    termios raw = saved_;
    raw.c_iflag &= ~static_cast<tcflag_t>(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    changed_ = tcsetattr(editor_.in_, TCSADRAIN, &raw) == 0;
    editor_.raw_ = changed_;
    std::fputs("\x1B[?2004h", editor_.out_);
  }
  ~RawMode() {
    const core::HeldInterrupts held;
    std::fputs("\x1B[?2004l", editor_.out_);
    std::fflush(editor_.out_);
    if (changed_) tcsetattr(editor_.in_, TCSADRAIN, &saved_);
    editor_.raw_ = false;
  }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  LineEditor& editor_;
  termios saved_ = {};
  bool changed_ = false;
};

void InputHistory::Add(std::string input) {
  if (core::Trim(input).empty()) return;
  if (!inputs_.empty() && inputs_.back() == input) return;
  inputs_.push_back(std::move(input));
  if (inputs_.size() > kMost) inputs_.erase(inputs_.begin());
}

InputHistory InputHistory::Parse(std::string_view text) {
  InputHistory history;
  for (const std::string_view line : core::Split(text, '\n')) {
    const core::Result<core::Json> input = core::ParseJson(line);
    if (input.ok() && input->is_string()) history.Add(input->get<std::string>());
  }
  return history;
}

std::string InputHistory::Text() const {
  std::string text;
  for (const std::string& input : inputs_) {
    text += core::Json(input).dump(-1, ' ', false, core::Json::error_handler_t::replace) + "\n";
  }
  return text;
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t length = std::min(LengthFrom(first), text.size() - i);
    uint32_t point = length == 1 ? first : first & (0xFFU >> (length + 1));
    for (size_t k = 1; k < length; ++k) {
      point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    }
    if (!In(kNarrow, point)) width += In(kWide, point) ? 2 : 1;
    i += length;
  }
  return width;
}

int LineEditor::Columns() const {
  winsize size = {};
  if (ioctl(in_, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col;
  return 80;
}

int LineEditor::ReadByte() {
  // A signal may come at any time, also just before the wait: the flag is looked at now and then.
  constexpr int kGlanceMs = 200;
  // In the raw mode Ctrl-C is a key: its signal is one that was meant for what ran before.
  while (!core::Interrupted() || (raw_ && core::PatientInterrupts::Forget())) {
    pollfd wait = {in_, POLLIN, 0};
    if (poll(&wait, 1, kGlanceMs) <= 0) continue;
    unsigned char byte = 0;
    const ssize_t got = read(in_, &byte, 1);
    if (got == 1) return byte;
    if (got == 0 || errno != EINTR) return kNoMore;
  }
  return kSignal;
}

LineEditor::Key LineEditor::ReadEscape() {
  std::string sequence;
  while (sequence.size() < 8) {
    const int byte = ReadByte();
    if (byte < 0) return {WithoutByte(byte)};
    sequence.push_back(static_cast<char>(byte));
    const bool introducer = sequence.size() == 1 && (byte == '[' || byte == 'O');
    if (!introducer && (sequence.size() == 1 || (byte >= 0x40 && byte <= 0x7E))) break;
  }
  for (const SequenceKey& key : kSequenceKeys) {
    if (key.sequence == sequence) return {key.code};
  }
  return {Code::kNothing};
}

LineEditor::Key LineEditor::ReadKey() {
  const int byte = ReadByte();
  if (byte < 0) return {WithoutByte(byte)};
  if (byte == kEscape) return ReadEscape();
  for (const ByteKey& key : kByteKeys) {
    if (key.byte == byte && key.code != Code::kText) return {key.code};
  }
  if (byte < ' ' && byte != '\t') return {Code::kNothing};
  Key key{Code::kText, std::string(1, byte == '\t' ? ' ' : static_cast<char>(byte))};
  for (size_t left = LengthFrom(static_cast<unsigned char>(byte)) - 1; left > 0; --left) {
    const int next = ReadByte();
    if (next < 0) return {WithoutByte(next)};
    key.text.push_back(static_cast<char>(next));
  }
  if (!core::IsValidUtf8(key.text)) return {Code::kNothing};
  return key;
}

size_t LineEditor::Before(size_t at) const {
  if (at == 0) return 0;
  do --at;
  while (at > 0 && Continues(text_[at]));
  return at;
}

size_t LineEditor::After(size_t at) const {
  if (at >= text_.size()) return text_.size();
  do ++at;
  while (at < text_.size() && Continues(text_[at]));
  return at;
}

size_t LineEditor::WordBefore(size_t at) const {
  while (at > 0 && IsSpace(text_[at - 1])) --at;
  while (at > 0 && !IsSpace(text_[at - 1])) --at;
  return at;
}

size_t LineEditor::WordAfter(size_t at) const {
  while (at < text_.size() && IsSpace(text_[at])) ++at;
  while (at < text_.size() && !IsSpace(text_[at])) ++at;
  return at;
}

void LineEditor::Insert(std::string_view text) {
  text_.insert(cursor_, text);
  cursor_ += text.size();
}

void LineEditor::Erase(size_t begin, size_t end) {
  text_.erase(begin, end - begin);
  cursor_ = begin;
}

void LineEditor::Recall(const InputHistory& history, int step) {
  const std::vector<std::string>& inputs = history.inputs();
  if (step < 0 ? recalled_ == 0 : recalled_ >= inputs.size()) return;
  if (recalled_ == inputs.size()) typed_ = text_;
  recalled_ = step < 0 ? recalled_ - 1 : recalled_ + 1;
  text_ = recalled_ == inputs.size() ? typed_ : inputs[recalled_];
  cursor_ = text_.size();
}

// A line of what is pasted is done: it stays on the screen, and the next one begins.
void LineEditor::PasteLineEnd() {
  above_ += text_.substr(0, cursor_) + "\n";
  const std::string rest = text_.substr(cursor_);
  LeaveLine();
  text_ = rest;
  cursor_ = 0;
  prompt_.assign("... ");
}

void LineEditor::LeaveLine() {
  const size_t cursor = std::exchange(cursor_, text_.size());
  Show();
  cursor_ = cursor;
  std::fputs("\r\n", out_);
  row_ = 0;
}

void LineEditor::Show() {
  const int columns = Columns();
  // An input from the history may have several lines; on the screen they are one.
  std::string shown = prompt_ + text_;
  std::replace(shown.begin(), shown.end(), '\n', ' ');
  const int end = DisplayWidth(shown);
  const int at = DisplayWidth(std::string_view(shown).substr(0, prompt_.size() + cursor_));
  std::string out;
  if (row_ > 0) out += core::StrCat("\x1B[", row_, "A");
  out += "\r\x1B[J" + shown;
  // At the right edge the terminal waits for the next character before it moves on.
  if (end > 0 && end % columns == 0) out += "\r\n";
  if (const int up = end / columns - at / columns; up > 0) out += core::StrCat("\x1B[", up, "A");
  out += "\r";
  if (at % columns > 0) out += core::StrCat("\x1B[", at % columns, "C");
  row_ = at / columns;
  const core::HeldInterrupts held;
  std::fputs(out.c_str(), out_);
  std::fflush(out_);
}

bool LineEditor::Handle(const Key& key, const InputHistory& history, Outcome& outcome) {
  switch (key.code) {
    case Code::kText:
      Insert(key.text);
      return true;
    case Code::kEnter:
      if (pasting_) {
        PasteLineEnd();
        return true;
      }
      outcome = Outcome::kLine;
      return false;
    case Code::kInterrupt:
      outcome = Outcome::kInterrupted;
      return false;
    case Code::kEndOfInput:
      if (!text_.empty()) {
        Erase(cursor_, After(cursor_));
        return true;
      }
      outcome = Outcome::kEnd;
      return false;
    case Code::kNoMoreInput:
      outcome = Outcome::kEnd;
      return false;
    case Code::kBackspace:
      Erase(Before(cursor_), cursor_);
      return true;
    case Code::kDelete:
      Erase(cursor_, After(cursor_));
      return true;
    case Code::kKillRest:
      Erase(cursor_, text_.size());
      return true;
    case Code::kKillLine:
      Erase(0, cursor_);
      return true;
    case Code::kKillWord:
      Erase(WordBefore(cursor_), cursor_);
      return true;
    case Code::kLeft:
      cursor_ = Before(cursor_);
      return true;
    case Code::kRight:
      cursor_ = After(cursor_);
      return true;
    case Code::kWordLeft:
      cursor_ = WordBefore(cursor_);
      return true;
    case Code::kWordRight:
      cursor_ = WordAfter(cursor_);
      return true;
    case Code::kHome:
      cursor_ = 0;
      return true;
    case Code::kEndOfLine:
      cursor_ = text_.size();
      return true;
    case Code::kUp:
      Recall(history, -1);
      return true;
    case Code::kDown:
      Recall(history, 1);
      return true;
    case Code::kClear:
      std::fputs("\x1B[H\x1B[2J", out_);
      row_ = 0;
      return true;
    case Code::kPasteBegins:
    case Code::kPasteEnds:
      pasting_ = key.code == Code::kPasteBegins;
      return true;
    case Code::kSuspend:
    case Code::kNothing:
      break;
  }
  return true;
}

LineEditor::Outcome LineEditor::Read(std::string_view prompt, const InputHistory& history,
                                     std::string& line) {
  prompt_ = prompt;
  above_.clear();
  text_.clear();
  typed_.clear();
  cursor_ = 0;
  row_ = 0;
  recalled_ = history.inputs().size();
  pasting_ = false;

  auto raw = std::make_optional<RawMode>(*this);
  Outcome outcome = Outcome::kLine;
  bool more = true;
  while (more) {
    Show();
    const Key key = ReadKey();
    if (key.code == Code::kSuspend) {
      LeaveLine();
      raw.reset();
      std::raise(SIGTSTP);
      raw.emplace(*this);
      continue;
    }
    more = Handle(key, history, outcome);
  }
  LeaveLine();
  line = above_ + text_;
  return outcome;
}

}  // namespace ingot::cli
